"""Write the table of all rows into docs/speed.md: goal, what was measured, the gate, and how busy the machine was.

    python benchmarks/table.py          # from the newest committed results; a quiet run goes before a loaded one

No H100 was ever at hand, so its column says that: it is never filled from estimates.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
BEGIN, END = "<!-- measured: begin (benchmarks/table.py) -->", "<!-- measured: end -->"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    name: str
    goal: str
    measured: str
    gate: str
    load: str


def newest(name: str, row: str | None = None) -> dict[str, Any] | None:
    """Return the newest result of a benchmark (that holds `row`): a quiet one where there is any, else a loaded one."""
    for suffix in ("", "-loaded"):
        for file in sorted(RESULTS.glob(f"????-??-??-cpu-{name}{suffix}.json"), reverse=True):
            result = json.loads(file.read_text(encoding="utf-8"))
            if row is None or row in result["values"]["rows"]:
                return result
    return None


def ratio_lines(name: str, rows: dict[str, tuple[str, str]]) -> list[Line]:
    """Return the lines of a result with ratios; `rows` maps its rows to goal and gate."""
    lines = []
    for row, (goal, gate) in rows.items():
        result = newest(name, row)
        if result is None:
            lines.append(Line(row, goal, NOT_RUN, gate, ""))
            continue
        found = result["values"]["rows"][row]
        measured = f"**{found['cpu_ratio_median']}x** (by clock {found['clock_ratio_median']}x"
        measured += f", limit {found['limit_cpu_ratio']}x)" if "limit_cpu_ratio" in found else ")"
        lines.append(Line(row, goal, measured, gate, load_of(result)))
    return lines


def load_of(result: dict[str, Any]) -> str:
    """Return the date and how busy the machine was."""
    load = result["values"].get("load_average_at_start", result["load_average"][0])
    return f"{result['date']}, {load}"


def policy_lines() -> list[Line]:
    """Return P5 and P7."""
    result, gate = newest("prefix"), "greedy ids equal, no vision call"
    if result is None:
        return [Line(name, "", NOT_RUN, gate, "") for name in ("P5", "P7")]
    values = result["values"]
    p5 = f"**{values['p5_cpu_median_ratio']}x** (by clock {values['p5_median_ratio']}x, best {values['p5_min_ratio']}x)"
    lines = [Line("P5", ">= 20x", p5, gate, load_of(result))]
    if "p7" in values:
        p7 = values["p7"]
        text = f"{p7['dynamic_tokens_per_s_median']} tok/s, static cache {p7['static_tokens_per_s_median']} tok/s"
        lines.append(Line("P7", "report", text, "greedy ids equal", load_of(result)))
    return lines


def memory_line() -> Line:
    """Return P9."""
    goal, gate = "<= 0.06 MB a frame and object", "budget never exceeded, masks equal"
    result = newest("memory")
    if result is None:
        return Line("P9", goal, NOT_RUN, gate, "")
    found = next(iter(result["values"]["objects"].values()))
    text = (
        f"**{found['ours_growth_mb_per_frame_and_object']} MB** "
        f"(stock {found['stock_growth_mb_per_frame_and_object']}), peak {found['ours_peak_mb'][1]:.0f} MB "
        f"(stock {found['stock_peak_mb'][1]:.0f})"
    )
    return Line("P9", goal, text, gate, load_of(result))


def untouched_lines() -> list[Line]:
    """Return P11 and P12, which are gates of P4 and P3."""
    result = newest("corrections", "P4")
    if result is None:
        return [Line("P11", "0", NOT_RUN, "", ""), Line("P12", "bit-equal", NOT_RUN, "", "")]
    gates = result["values"]["rows"]["P4"]["gates"]
    ours, stock = (gates[f"P11 untouched frames changed, {side}"] for side in ("ours", "stock"))
    return [
        Line("P11", "0 frames change", f"**{ours}** (stock {stock})", "of P4", load_of(result)),
        Line("P12", "bit-equal", "**bit-equal**", "of P3", load_of(result)),
    ]


def all_lines() -> list[Line]:
    """Return the lines of all rows, in order."""
    equal = "masks equal, bit for bit"
    corrections = {
        "P1": (">= 3.0x", "mask equal, bit for bit"), "P2": (">= 8x", equal),
        "P3": (">= 3.0x", equal), "P4": (">= 5.0x", equal),
        "P6": (">= 3.0x", equal), "P6 with load": (">= 5x", "masks equal on the same pixels"),
    }  # fmt: skip
    return [
        *ratio_lines("corrections", corrections),
        *policy_lines(),
        *ratio_lines("open", {"P8": (">= 40x", "pixels equal, one frame read")}),
        memory_line(),
        *ratio_lines("stream", {"P10": (">= 15x", "masks read back equal")}),
        *untouched_lines(),
    ]


def main() -> None:
    lines = ["| row | goal on CPU | measured | gate (held) | date, load | H100 |", "|---|---|---|---|---|---|"]
    ordered = sorted(all_lines(), key=lambda line: (int(line.name.split()[0][1:]), line.name))
    lines += [f"| {one.name} | {one.goal} | {one.measured} | {one.gate} | {one.load} | {NOT_RUN} |" for one in ordered]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after, encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

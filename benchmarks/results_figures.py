"""A line of docs/results.md, and how figures are read from the results of benchmarks."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

POLICY = "sft (ships), 200 clips, segmenter that ships"
Values = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the page: what was measured, how its result becomes a figure, and which script measured it."""

    what: str
    figure: Callable[[Values], str]
    name: str
    script: str
    key: str | None = None
    """A row of `values["rows"]` that the result must hold, where a benchmark can measure some of them alone."""


def times(values: Values, key: str) -> str:
    """Return the ratio to stock of one row, by processor time."""
    row = values["rows"][key]
    limit = f" (the networks alone would allow {row['limit_cpu_ratio']:.1f})" if "limit_cpu_ratio" in row else ""
    return f"{row['cpu_ratio_median']:.1f} times stock{limit}"


def corrections(key: str, what: str) -> Row:
    """Return the line of one row of `bench_corrections.py`."""
    return Row(what, lambda values: times(values, key), "corrections", "bench_corrections.py", key)


def policy(values: Values) -> str:
    """Return what the embedded models reach on the test split, with intervals."""
    row = values["rows"][POLICY]
    value, low, high = row["overall"]
    return (
        f"J&F **{value:.1f}** ({low:.1f} to {high:.1f}), N-acc {row['n_acc'][0]:.1f}, T-acc {row['t_acc'][0]:.1f}; "
        f"{row['truth'][0]:.0f} % of the statements in the reasoning are true of the clip"
    )


def segmenter(values: Values) -> str:
    """Return the mean J of the embedded segmenter on the real clips, and that of each object."""
    means = {name.split("/")[1]: one["nano"]["mean"] for name, one in values["objects"].items()}
    return f"J **{statistics.mean(means.values()):.2f}** ({', '.join(f'{n} {v:.2f}' for n, v in means.items())})"


def davis(values: Values) -> str:
    """Return J&F and J of sequences of DAVIS 2016, from the first frame's mask and from its box."""
    parts = [(prompt, values[prompt]["scores"]) for prompt in ("mask", "box")]
    return "; ".join(f"J&F **{row['jf']:.1f}** (J {row['j']:.1f}) from its {prompt}" for prompt, row in parts)


def latency(values: Values) -> str:
    """Return the seconds to the first word, to the whole answer and to the masks."""
    first, answer, masks = (values[key]["median"] for key in ("first_word_s", "answer_s", "masks_s"))
    return f"{first:.2f} s, {answer:.1f} s, {masks:.1f} s"


def objects(values: Values) -> str:
    """Return the ratio to stock of one click among one and among most objects."""
    few, many = values["sweep"][0], values["sweep"][-1]
    ratios = [one["stock"]["correct"]["cpu_s"] / one["ours"]["correct"]["cpu_s"] for one in (few, many)]
    return f"{ratios[0]:.1f} times stock at {few['objects']} object, {ratios[1]:.1f} times at {many['objects']}"


def limits(values: Values) -> str:
    """Return how many questions about real clips were answered as if they were known, and how many others refused."""
    real = [value for value in values.values() if isinstance(value, dict) and "answered_as_if_known" in value]
    answered = sum(len(one["answered_as_if_known"]) for one in real)
    asked, known_words = (sum(one[key] for one in real) for key in ("asked", "asked_with_known_words_alone"))
    written = sum(one["instructions"] for one in real)
    return (
        f"**{answered}** of {asked} questions answered as if they were known ({written} instructions written for the "
        f"clips, {known_words} times with known words alone, where the pictures tell); "
        f"{values['test_questions_refused']} of {values['test_questions']} questions of the test split refused"
    )


def engines(values: Values) -> str:
    """Return how many texts of servers are those of this process, and the time to the first word of each."""
    called = {"transformers": "transformers serve", "vllm": "vLLM"}
    parts = [
        f"{called[name]} {one['version']}: **{one['equal_texts']}** of {values['questions']} texts equal, "
        f"first word {one['first_word_s']:.2f} s, {one['first_word_after_another_was_left_s']:.2f} s right after "
        "another answer was left"
        for name, one in values["engines"].items()
    ]
    return f"{'; '.join(parts)}; in this process {values['own_first_word_s']:.2f} s"


def rewards_at_once(values: Values) -> str:
    """Return what 64 rewards cost together, one after another, and each for itself."""
    spent, alone = values["processor_s"], values["processor_s"]["each alone, nothing kept"]
    assert values["ious_equal_to_a_segmenter_in_process"]
    return (
        f"**{alone / spent['64 at once']:.1f}** times less processor time than each alone, "
        f"{alone / spent['64 at once, asked before']:.0f} times where they were asked before; "
        f"{spent['one by one'] / spent['64 at once']:.1f} times less than one by one on a fresh service; IoUs equal"
    )


def settled(found: dict[str, Any]) -> str:
    """Return what runs that end early save and lose."""
    return (
        f"{found['times_fewer_frames_median']:.1f} times fewer in the median of {found['corrections']} (aim 4), J "
        f"{-found['j_lost_mean']:+.2f} points; {found['of_these_wrong']} of {found['runs_that_left_frames']} left "
        "frames that a whole run would have changed"
    )


def loads(one: dict[str, Any]) -> str:
    server = list(one["server"].values())
    return (
        f"{one['edits_taken']:,}, {len(one['cross_talk_or_lost'])}; {1000 * one['look_up_s']['95 %']:.0f} ms; "
        f"{one['spread_of_waits']}; {server[0]['mb']:,.0f}, {server[-1]['mb']:,.0f} MB"
    )


def engine_cost(runs: list[dict[str, Any]]) -> str:
    cost = {(run["engine"], run["workers"]): run["processor_s_a_clip"] for run in runs}
    numbers = sorted({run["workers"] for run in runs})
    return ", ".join(f"{n}: {100 * (cost['ray', n] / cost['local', n] - 1):+.0f} %" for n in numbers)

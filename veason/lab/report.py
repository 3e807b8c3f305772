"""One page about runs that can go beside a paper: tables, figures, the telling cases, in a file that needs no other.

write_report([lab.run("base"), lab.run("ours")], Path("report.html"))
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from veason import __version__
from veason.atomic import write_atomically
from veason.errors import DataError, OptionError
from veason.lab.comparing import DRAWS, Interval, compare
from veason.lab.figures import as_data_url, plot_robustness, run_figures
from veason.lab.flags import FLAGS
from veason.lab.pictures import CasePictures
from veason.lab.query import compile_query
from veason.lab.store import Run
from veason.lab.summary import SHOWN, FlagCount, count_flags, mean_figures, revos_table
from veason.libraries import library_imports

CASES_A_GROUP = 6
PICTURE_WIDTH = 480


@dataclass(frozen=True)
class RunPart:
    """What the page tells of one run."""

    info: Any
    means: Mapping[str, Interval]
    revos: Mapping[str, Any] | None
    flags: Mapping[str, FlagCount]


def write_report(runs: Sequence[Run], out: Path, *, title: str = "", with_pictures: bool = True) -> None:
    """Write the page, whole or not at all.

    Args:
        runs: one or more over the same dataset; the later ones are compared with the first.
        out: the HTML file.
        title: its heading; by default the names of the runs.
        with_pictures: show cases with pictures, for which the dataset's files are needed.

    Raises:
        OptionError: no run was given.
        DataError: the runs are about different datasets, or the dataset's files are gone.
    """
    if not runs:
        raise OptionError("a report needs the names of one or more runs")
    with library_imports():
        import jinja2
    first = runs[0]
    compared = [
        (f"{run.info.name} against {first.info.name}", compare(first, run, figures=_TABLE_FIGURES)) for run in runs[1:]
    ]
    parts = [_part(run) for run in runs]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(number=shown_number, interval=interval, count=flag_count)
    template = environment.from_string(
        resources.files("veason.lab").joinpath("templates/report.html").read_text("utf-8")
    )
    page = template.render(
        title=title or " and ".join(run.info.name for run in runs),
        dataset=first.info.dataset,
        made_at=time.strftime("%Y-%m-%d", time.gmtime()),
        version=__version__,
        runs=parts,
        figures=SHOWN,
        draws=DRAWS,
        flags=FLAGS,
        comparisons=compared,
        looked_at=sum(len(rows) for _, rows in compared),
        plots=[{"caption": caption, "image": image} for run in runs for caption, image in run_figures(run)],
        r_figure=as_data_url(plot_robustness(), "image/svg+xml"),
        groups=[group for run in runs for group in _groups(run)] if with_pictures else [],
        latex=as_latex(parts),
    )
    write_atomically(out, page)


_TABLE_FIGURES = ("jf", "absent_answered", "present_denied", "right_for_wrong_reason")
"""What later runs are compared by."""


def as_latex(parts: Sequence[RunPart]) -> str:
    """Return the tables of scores and flags in LaTeX (booktabs)."""
    columns = [name for name in SHOWN if any(name in part.means for part in parts)]
    lines = [rf"\begin{{tabular}}{{l{'r' * len(columns)}}}", r"\toprule"]
    lines += ["run & " + " & ".join(escape_latex(name) for name in columns) + r" \\", r"\midrule"]
    for part in parts:
        cells = [shown_number(part.means[name].mean) if name in part.means else "-" for name in columns]
        lines.append(f"{escape_latex(part.info.name)} & " + " & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", "", rf"\begin{{tabular}}{{l{'r' * len(parts)}}}", r"\toprule"]
    lines += ["kind & " + " & ".join(escape_latex(part.info.name) for part in parts) + r" \\", r"\midrule"]
    for flag in FLAGS:
        cells = [shown_number(part.flags[flag.name].percent) for part in parts]
        lines.append(f"{escape_latex(flag.name)} & " + " & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def escape_latex(text: str) -> str:
    """Return a text with what LaTeX would read as a command made harmless."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(sign, "\\" + sign if sign in "&%$#_{}" else sign) for sign in text)


def shown_number(value: float | None, digits: int = 1) -> str:
    """Return a figure with some decimals, "-" where there is none."""
    return "-" if value is None or np.isnan(value) else f"{value:.{digits}f}"


def interval(value: Interval | None, digits: int = 1) -> str:
    """Return a mean and its interval as text."""
    if value is None or np.isnan(value.mean):
        return "-"
    mean, low, high = (shown_number(one, digits) for one in (value.mean, value.low, value.high))
    return mean if value.low is None else f"{mean} [{low}, {high}]"


def flag_count(count: FlagCount) -> str:
    """Return how often a flag is raised as text."""
    return "not known" if not count.known else f"{count.raised} of {count.known} ({shown_number(count.percent)} %)"


def _part(run: Run) -> RunPart:
    return RunPart(run.info, mean_figures(run), revos_table(run), {one.name: one for one in count_flags(run)})


def _groups(run: Run) -> list[dict[str, Any]]:
    """Return the worst cases of a run, and those of each flag that is raised most."""
    pictures = CasePictures.of(run)
    worst = run.table.drop_nulls("jf").sort("jf").head(CASES_A_GROUP).get_column("key").to_list()
    name = run.info.name
    groups = [_group(f"{name}: lowest J&F", "The cases with the lowest J&F.", run, pictures, worst)] if worst else []
    for flag in sorted(count_flags(run), key=lambda one: -one.raised):
        if flag.raised and flag.name in TELLING:
            keys = run.table.filter(compile_query(flag.name)).head(CASES_A_GROUP).get_column("key").to_list()
            groups.append(_group(f"{name}: {flag.name}", f"{flag.raised} cases: {flag.meaning}.", run, pictures, keys))
    return groups


TELLING = ("absent_answered", "present_denied", "wrong_instance", "right_for_wrong_reason")
"""Flags whose cases are shown."""


def _group(title: str, meaning: str, run: Run, pictures: CasePictures, keys: Sequence[str]) -> dict[str, Any]:
    return {"title": title, "meaning": meaning, "cases": [_card(run, pictures, key) for key in keys]}


def _card(run: Run, pictures: CasePictures, key: str) -> dict[str, Any]:
    case = run.case(key)
    frame = pictures.moment(case)
    try:
        stream = io.BytesIO()
        pictures.draw(case, frame, width=PICTURE_WIDTH).save(stream, "WEBP", quality=82)
        image = as_data_url(stream.getvalue(), "image/webp")
    except DataError:
        image = ""  # the page tells the case without it
    shown = ("key", "video", "instruction", "jf", "thought")
    raised = [flag.name for flag in FLAGS if case[flag.name]]
    return {name: case[name] for name in shown} | {
        "run": run.info.name,
        "frame": frame,
        "image": image,
        "flags": raised,
    }

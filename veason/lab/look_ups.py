"""What the lab's page asks for: runs, cases, comparisons, figures, pictures. Nothing is changed."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from veason.errors import DataError, OptionError
from veason.lab.columns import BY_NAME, COLUMNS
from veason.lab.comparing import compare, default_slices, pair_runs
from veason.lab.detail import boxes_to_draw, explained, group_of, judged_claims
from veason.lab.figures import SCATTER_PLACE, plot_pairs, run_figures
from veason.lab.flags import FLAGS
from veason.lab.open_lab import OpenLab
from veason.lab.pictures import LAYERS
from veason.lab.probe_tables import read_tables
from veason.lab.probes import PROBES, summarise
from veason.lab.query import columns_named, compile_query
from veason.lab.reasoning_diff import diff_reasoning
from veason.lab.store import Run
from veason.lab.summary import count_flags, mean_figures
from veason.lab.verdicts import TAGS, Verdicts
from veason.libraries import library_imports

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS = 200
MOST_WIDTH = 1600
MOST_FAILED = 50
CARD = ("key", "video", "instruction", "jf", *(flag.name for flag in FLAGS))
"""Columns that a card of the gallery shows."""


def about(opened: OpenLab, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the runs, what can be asked for, the tags of verdicts, and the saved views."""
    return {
        "runs": [asdict(run.info) for run in opened.lab],
        "scatter": asdict(SCATTER_PLACE),
        "can_send": opened.project is not None,
        "can_probe": opened.load_policy is not None,
        "studio": opened.studio,
        "columns": [
            {"name": one.name, "kind": one.kind, "meaning": one.meaning, "sorts": not one.is_long} for one in COLUMNS
        ],
        "flags": [{"name": flag.name, "meaning": flag.meaning} for flag in FLAGS],
        "tags": [{"name": name, "meaning": meaning} for name, meaning in TAGS.items()],
        "views": opened.lab.views(),
    }


def cases(opened: OpenLab, params: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of the cases that fit, how many there are, and how often each flag is raised among them."""
    found = _found(opened, params)
    start = max(_whole(params, "offset", 0), 0)
    limit = min(max(_whole(params, "limit", 60), 1), MOST_ROWS)
    names = [name for name in (*CARD, "other_jf") if name in found.columns]
    raised = found.select([flag.name for flag in FLAGS]).sum().row(0, named=True)
    return {
        "total": len(found),
        "rows": found.slice(start, limit).select(names).to_dicts(),
        "flags": {name: count or 0 for name, count in raised.items()},
    }


def case(opened: OpenLab, params: Mapping[str, str]) -> dict[str, Any]:
    """Return everything about one case: its row, the claims of its reasoning, overlaps by frame, verdicts, probes.

    With another run, also how that run reasons and answers.
    """
    run = opened.run(params)
    key = params.get("key", "")
    row = run.case(key)
    pictures = opened.pictures(run)
    frame = pictures.moment(row)
    sample = pictures.samples[key]
    others = [name for name in opened.lab.names() if name != run.info.name]
    rewards = explained(pictures, row)
    dataset = run.info.dataset["fingerprint"]
    same = [name for name in others if opened.lab.run(name).info.dataset["fingerprint"] == dataset]
    other = params.get("other", "")
    return {
        "case": row,
        "against": _against(opened.lab.run(other), row) if other in same else None,
        **_probed(opened, key),
        "frame": frame,
        "num_frames": len(sample.frame_names),
        "claims": [asdict(claim) for claim in judged_claims(pictures, row)],
        "overlaps": pictures.overlaps(key),
        "rewards": rewards and rewards.as_values(),
        "group": group_of(pictures, row),
        "others": same,
        "verdicts": [asdict(one) for one in Verdicts(opened.lab.folder).of_run(run.info.name) if one.key == key],
    }


def _probed(opened: OpenLab, key: str) -> dict[str, Any]:
    """Return what came of the probes of a question, and why that cannot be told where a table is damaged."""
    try:
        rows = [
            {"table": table.name, "policy": table.policy, **asdict(one), "meaning": PROBES[one.probe].meaning}
            for table in read_tables(opened.lab)
            for one in table.rows
            if one.key == key
        ]
    except DataError as error:
        return {"probes": [], "probes_unread": str(error)}
    return {"probes": rows, "probes_unread": ""}


def _against(run: Run, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the case of another run beside one, None where it has none."""
    try:
        theirs = run.case(row["key"])
    except DataError:
        return None
    parts = diff_reasoning(row["thought"] or "", theirs["thought"] or "")
    return {"run": run.info.name, "case": theirs, "reasoning": [[part.side, part.text] for part in parts]}


def comparison(opened: OpenLab, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the differences of two runs in J&F and in every flag, with intervals."""
    first, second = opened.run(params), opened.run(params, "other")
    figures = ("jf", *(flag.name for flag in FLAGS))
    slices = default_slices(first)
    if params.get("query", "").strip():
        slices = {params["query"]: params["query"]}
    rows = compare(first, second, figures=figures, slices=slices)
    return {"rows": [{**asdict(one), "is_difference": one.is_difference} for one in rows]}


def scatter(opened: OpenLab, params: Mapping[str, str]) -> bytes:
    """Return J&F of two runs, case by case, as a PNG whose axes lie as `SCATTER_PLACE` says."""
    first, second = opened.run(params), opened.run(params, "other")
    paired = pair_runs(first, second, params.get("query", "")).select("jf", "jf_2").drop_nulls()
    return plot_pairs(
        paired.get_column("jf").to_numpy(), paired.get_column("jf_2").to_numpy(), first.info.name, second.info.name
    )


def figures(opened: OpenLab, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the figures of a run: prominence of the keyframe, reliability, risk over coverage."""
    return {"figures": [{"caption": caption, "image": image} for caption, image in run_figures(opened.run(params))]}


def probes(opened: OpenLab, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables of probes: how often each holds, and the questions of a run of which it does not."""
    keys = set(opened.run(params).table.get_column("key").to_list()) if params.get("run") else set()
    tables = []
    for table in read_tables(opened.lab):
        rows = []
        for one in summarise(table.rows):
            probe = PROBES.get(one.probe)
            failed = [row.key for row in table.rows if row.probe == one.probe and row.holds is False]
            rows.append({
                **asdict(one),
                "meaning": probe.meaning if probe else "all of them together",
                "expected": probe.expected if probe else "",
                "failed": [key for key in failed if key in keys][:MOST_FAILED],
                "num_failed": one.cases - one.held,
            })  # fmt: skip
        tables.append({"name": table.name, "policy": table.policy, "rows": rows})
    return {"tables": tables}


def summary(opened: OpenLab, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the means of a run with their intervals, and how often each flag is raised."""
    run = opened.run(params)
    return {
        "means": {name: asdict(one) for name, one in mean_figures(run).items()},
        "flags": [{**asdict(one), "percent": one.percent} for one in count_flags(run)],
    }


def picture(opened: OpenLab, params: Mapping[str, str]) -> bytes:
    """Return one frame of a case as JPEG; without a frame, the one that tells most.

    `layer` is one of `LAYERS`; `boxes=matched` draws the boxes that the rewards compare, `boxes=N` those of the answer
    with that number in the group of drawn answers.
    """
    run = opened.run(params)
    row = run.case(params.get("key", ""))
    pictures = opened.pictures(run)
    frame = _whole(params, "frame", -1)
    shown = frame if frame >= 0 else pictures.moment(row)
    count = len(pictures.samples[row["key"]].frame_names)
    if shown >= count:
        raise OptionError(f"the video has frames 0 to {count - 1}, got {shown}")
    width = min(max(_whole(params, "width", 640), 64), MOST_WIDTH)
    layer = next((one for one in LAYERS if one == (params.get("layer") or "both")), None)
    if layer is None:
        raise OptionError(f"layer is one of {', '.join(LAYERS)}, got {params['layer'][:40]!r}")
    stream = io.BytesIO()
    boxes = boxes_to_draw(pictures, row, params.get("boxes", ""), shown)
    pictures.draw(row, shown, width=width, layer=layer, boxes=boxes).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _found(opened: OpenLab, params: Mapping[str, str]) -> pl.DataFrame:
    """Return the cases of the request's run that fit its query, sorted as it says; with another run, paired with it."""
    run = opened.run(params)
    query = params.get("query", "")
    if params.get("other"):
        with library_imports():
            import polars as pl
        found = pair_runs(run, opened.run(params, "other"), query).with_columns(pl.col("jf_2").alias("other_jf"))
        if params.get("brush"):
            low, high, other_low, other_high = _brush(params["brush"])
            is_in = pl.col("jf").is_between(low, high) & pl.col("other_jf").is_between(other_low, other_high)
            found = found.filter(is_in)
    else:
        table = run.with_columns(columns_named(query)) if query.strip() else run.table
        found = table.filter(compile_query(query)) if query.strip() else table
    sort = params.get("sort", "")
    if not sort:
        return found
    if sort != "change" and (sort not in BY_NAME or BY_NAME[sort].is_long):
        raise OptionError(f"cannot sort by {sort!r}: choose a short column")
    if sort == "change":
        if "other_jf" not in found.columns:
            raise OptionError("sorting by change needs another run beside")
        found = found.with_columns((found.get_column("other_jf") - found.get_column("jf")).alias("change"))
    return found.sort(sort, descending=params.get("descending") == "1", nulls_last=True, maintain_order=True)


def _brush(text: str) -> tuple[float, ...]:
    """Return the J&F of either run between which cases are wanted: lowest, highest, and the same of the other run."""
    try:
        sides = tuple(float(side) for side in text.split(","))
    except ValueError:
        sides = ()
    if len(sides) != 4 or not all(math.isfinite(side) for side in sides):
        raise OptionError(f"a brush is four numbers with commas between, got {text[:60]!r}")
    return sides


def _whole(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise OptionError(f"{name} is a whole number, got {text[:40]!r}")
    return int(text)


LAB_LOOK_UPS: dict[str, Callable[[OpenLab, Mapping[str, str]], dict[str, Any] | bytes]] = {
    "about": about,
    "cases": cases,
    "case": case,
    "comparison": comparison,
    "scatter": scatter,
    "figures": figures,
    "probes": probes,
    "summary": summary,
    "picture": picture,
}

"""The figures of a report, drawn by matplotlib as SVG."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from veason.lab.comparing import pearson, reliability, risk_coverage
from veason.lab.flags import GOOD_JF
from veason.lab.store import Run
from veason.libraries import library_imports

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE = "#2f6fed", "#e8590c"
CONFIDENCES = ("agreement", "object_score")


@dataclass(frozen=True, slots=True)
class AxesPlace:
    """Where the axes of a picture lie, in shares of its width and height from the top left, and what they go over."""

    left: float
    top: float
    width: float
    height: float
    low: float
    high: float


SCATTER_PLACE = AxesPlace(left=0.13, top=0.03, width=0.84, height=0.84, low=-3.0, high=103.0)
"""The axes of `plot_pairs`, so that a page can tell which cases lie where."""

GREY = "#808a98"
"""Legible on light and on dark."""


def run_figures(run: Run) -> list[tuple[str, str]]:
    """Return the figures of a run that can be drawn of it, each with its caption, as addresses that a page can hold."""
    drawn = [plot_prominence(run), plot_reliability(run), plot_risk(run)]
    return [(f"{run.info.name}: {caption}", as_data_url(svg, "image/svg+xml")) for caption, svg in filter(None, drawn)]


def as_data_url(content: bytes, kind: str) -> str:
    """Return bytes of a media type as an address that a page can hold."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def plot_pairs(first: np.ndarray, second: np.ndarray, name: str, other: str) -> bytes:
    """Draw `(N,)` J&F of one run over those of another: a PNG without background, its axes at `SCATTER_PLACE`."""
    with library_imports():
        from matplotlib.figure import Figure
    place = SCATTER_PLACE
    figure = Figure(figsize=(5, 5), dpi=160)
    axes = figure.add_axes((place.left, 1 - place.top - place.height, place.width, place.height))
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=0.8, linestyle="--")
    is_better = second > first
    for chosen, colour in ((is_better, BLUE), (~is_better, ORANGE)):
        axes.scatter(first[chosen], second[chosen], s=11, alpha=0.4, linewidths=0, color=colour)
    axes.set(xlim=(place.low, place.high), ylim=(place.low, place.high))
    axes.set_xlabel(f"J&F of {name} (%)", color=GREY)
    axes.set_ylabel(f"J&F of {other} (%)", color=GREY)
    axes.tick_params(colors=GREY)
    axes.patch.set_alpha(0)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=GREY)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", transparent=True)
    return stream.getvalue()


def plot_prominence(run: Run) -> tuple[str, bytes] | None:
    """Draw J&F over the prominence of the keyframe; None where that is not known of two cases or more."""
    known = run.table.select("prominence", "jf").drop_nulls()
    if len(known) < 2:
        return None
    prominence, jf = known.get_column("prominence").to_numpy(), known.get_column("jf").to_numpy()
    correlation = pearson(prominence, jf)
    figure, axes = _axes("keyframe prominence (area / largest area)", "J&F (%)")
    axes.scatter(prominence, jf, s=9, alpha=0.35, linewidths=0, color=BLUE)
    axes.set(xlim=(-0.03, 1.03), ylim=(-3, 103))
    told = "not defined" if correlation is None else f"{correlation:.2f}"
    return f"keyframe prominence and J&F, {len(known)} questions, Pearson {told}", _svg(figure)


def plot_reliability(run: Run) -> tuple[str, bytes] | None:
    """Draw how far agreement and object score tell a J&F of `GOOD_JF` or more; None where neither is known."""
    figure, axes = _axes("confidence", f"share with J&F of {GOOD_JF:.0f} or more")
    told = []
    for name, colour in zip(CONFIDENCES, (BLUE, ORANGE), strict=True):
        known = run.table.select(name, "jf").drop_nulls()
        if known.is_empty():
            continue
        found = reliability(known.get_column(name).to_numpy(), known.get_column("jf").to_numpy() >= GOOD_JF)
        said, true, _ = zip(*found.bins, strict=True)
        axes.plot(said, true, marker="o", color=colour, label=name)
        told.append(f"{name}: calibration error {found.calibration_error:.2f} over {found.cases}")
    if not told:
        return None
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
    axes.legend(frameon=False)
    return "; ".join(told), _svg(figure)


def plot_risk(run: Run) -> tuple[str, bytes] | None:
    """Draw the mean loss of J&F of the surest cases, as more and more are taken; None where nothing is known."""
    figure, axes = _axes("share of the cases that are kept, surest first", "mean of 100 - J&F")
    told = []
    for name, colour in zip(CONFIDENCES, (BLUE, ORANGE), strict=True):
        known = run.table.select(name, "jf").drop_nulls()
        if known.is_empty():
            continue
        coverage, risk = risk_coverage(known.get_column(name).to_numpy(), 100 - known.get_column("jf").to_numpy())
        axes.plot(coverage, risk, color=colour, label=name)
        told.append(name)
    if not told:
        return None
    axes.legend(frameon=False)
    return f"risk and coverage by {' and '.join(told)}", _svg(figure)


def plot_robustness() -> bytes:
    """Draw what a frame earns by R over its false pixels as a share of the foreground: each weighs 255, or 1."""
    share = np.linspace(0, 0.012, 200)
    figure, axes = _axes("false pixels in percent of the foreground", "R of the frame (%)")
    for weight, colour, name in ((255, ORANGE, "R_legacy"), (1, BLUE, "R_binary")):
        earned = 100 * np.clip(1 - weight * share, 0, 1)
        axes.plot(100 * share, earned, color=colour, label=f"{name}: a false pixel weighs {weight}")
    axes.legend(frameon=False)
    return _svg(figure)


def _axes(across: str, up: str) -> tuple[Figure, Axes]:
    with library_imports():
        from matplotlib.figure import Figure
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any) -> bytes:
    from matplotlib import rc_context

    stream = io.BytesIO()
    with rc_context({"svg.hashsalt": "veason", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()

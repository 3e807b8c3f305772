"""Draw the architecture: which parts there are, in layers, and the way of one edit through them.

    python docs/scripts/drawing.py       # writes docs/images/architecture.svg and docs/images/an-edit.svg

Colours are those of the page that the drawing stands in, with others to fall back on where it stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

IMAGES = Path(__file__).parent.parent / "images"

LAYERS: list[tuple[str, list[tuple[str, str, str]]]] = [
    (
        "what a person meets",
        [
            ("studio/web", "the page", "a"),
            ("cli", "veason COMMAND", "a"),
            ("__init__", "from veason import ...", "a"),
        ],
    ),
    (
        "what answers",
        [
            ("evaluate", "samples to a report", "b"),
            ("studio/server", "requests in, messages out", "a"),
        ],
    ),
    (
        "labels and models",
        [
            ("pipeline", "from a question to masks", "b"),
            ("project", "a folder that loses nothing", "c"),
            ("formats", "labels and benchmarks as files", "c"),
        ],
    ),
    (
        "rules and networks",
        [
            ("policy", "frames to an answer", "b"),
            ("segmenter", "prompts to masks", "b"),
            ("annotation", "state, edits, undo, plan", "c"),
        ],
    ),
    (
        "on arrays and text",
        [
            ("answer", "text to values", "d"),
            ("consistency", "doubt", "d"),
            ("video", "exact frames", "d"),
            ("metrics", "J and F", "d"),
            ("rewards", "the four", "d"),
        ],
    ),
    (
        "values",
        [
            ("errors", "one tree", "d"),
            ("profile", "of a checkpoint", "d"),
            ("types", "and protocols", "d"),
            ("boxes", "IoU", "d"),
            ("masks", "RLE", "d"),
        ],
    ),
]
"""From top to bottom: a part imports only what stands below it, or left of it. Each has a name, a note and a colour."""

STEPS = [
    ("studio/web", "a box is dragged"),
    ("studio/server", "parsed at the door"),
    ("annotation", "edit applied, pure"),
    ("project", "on the disk"),
    ("annotation", "what to compute again"),
    ("pipeline", "masks, one by one"),
    ("project", "each kept"),
    ("studio/web", "each drawn"),
]
"""The way of one edit. Each step is a part and what happens there."""

STYLE = """<style>
.box{fill:var(--md-code-bg-color,#f5f7fb);stroke-width:1.5}
.a{stroke:#4c7dff}.b{stroke:#c08000}.c{stroke:#1f9d61}.d{stroke:#8a93a6}
.name{font:600 14px var(--md-code-font-family,ui-monospace,monospace);fill:var(--md-default-fg-color,#1d2433)}
.note{font:12.5px var(--md-text-font-family,system-ui,sans-serif);fill:var(--md-default-fg-color--light,#556)}
.line{stroke:#8a93a6;stroke-width:1.5;fill:none;marker-end:url(#tip)}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z" fill="#8a93a6"/></marker></defs>"""

WIDTH, HEIGHT, GAP, LABEL = 790, 54, 20, 138


def box(x: float, y: float, width: float, name: str, note: str, colour: str) -> str:
    """Return a part: a rectangle with its name and what it is."""
    shown = "import veason" if name == "__init__" else name
    return (
        f'<rect class="box {colour}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{HEIGHT}" rx="8"/>'
        f'<text class="name" x="{x + 10:.1f}" y="{y + 23:.1f}">{escape(shown)}</text>'
        f'<text class="note" x="{x + 10:.1f}" y="{y + 42:.1f}">{escape(note)}</text>'
    )


def drawing(title: str, height: float, parts: Iterator[str]) -> str:
    """Return a whole SVG."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{title}">'
    )
    return "\n".join([head, STYLE, *parts, "</svg>"]) + "\n"


def architecture() -> Iterator[str]:
    """Yield the layers, top to bottom."""
    for row, (title, parts) in enumerate(LAYERS):
        y = row * (HEIGHT + GAP) + 1
        yield f'<text class="note" x="0" y="{y + HEIGHT / 2 + 5}">{escape(title)}</text>'
        width = (WIDTH - LABEL - 2 - GAP / 2 * (len(parts) - 1)) / len(parts)
        for place, (name, note, colour) in enumerate(parts):
            yield box(LABEL + place * (width + GAP / 2), y, width, name, note, colour)
        if row:
            middle = LABEL + (WIDTH - LABEL) / 2
            yield f'<path class="line" d="M{middle} {y - GAP + 2} V{y - 2}"/>'


def an_edit() -> Iterator[str]:
    """Yield the steps of an edit, in two rows that are read as one line."""
    colours = {name: colour for _, parts in LAYERS for name, _, colour in parts}
    half = len(STEPS) // 2
    width = (WIDTH - 2 - 30 * (half - 1)) / half
    for place, (name, note) in enumerate(STEPS):
        row, column = divmod(place, half)
        column = column if row == 0 else half - 1 - column
        x, y = 1 + column * (width + 30), 1 + row * (HEIGHT + 34)
        yield box(x, y, width, name, note, colours[name])
        if place == half - 1:
            yield f'<path class="line" d="M{x + width / 2} {y + HEIGHT + 2} v28"/>'
        elif place < len(STEPS) - 1:
            start, step = (x + width + 3, 24) if row == 0 else (x - 3, -24)
            yield f'<path class="line" d="M{start} {y + HEIGHT / 2} h{step}"/>'


def drawings() -> dict[str, str]:
    """Return the text of each drawing by the name of its file."""
    layers = len(LAYERS) * (HEIGHT + GAP) - GAP + 2
    return {
        "architecture.svg": drawing("The parts of Veason in layers", layers, architecture()),
        "an-edit.svg": drawing("The way of an edit through the parts", 2 * HEIGHT + 36, an_edit()),
    }


def main() -> None:
    """Write the drawings."""
    for name, text in drawings().items():
        (IMAGES / name).write_text(text, encoding="utf-8")
        print("->", IMAGES / name)


if __name__ == "__main__":
    main()

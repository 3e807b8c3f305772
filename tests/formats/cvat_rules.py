"""CVAT's rules for its XML, for tests: what it keeps of a file, and how it writes that down again.

CVAT's own format code stands in its server and in no package, so its rules are written down here from its documentation
and source. Source: docs.cvat.ai "CVAT for video", and `load_anno`, `dump_as_cvat_interpolation` in
cvat/apps/dataset_manager/formats/cvat.py:

- A track whose shape is a mask is taken as one shape: CVAT knows no tracks of masks. The first one that is not outside.
- Other tracks keep every shape with keyframe 1; those with outside 1 end a stretch.
- Shapes are written as tracks of their own, with an outside copy on the next frame of the task; tracks as they are,
  with interpolated boxes between keyframes (keyframe 0).
- `rle` counts runs left to right within left, top, width, height, background first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

Attributes = tuple[tuple[str, str], ...]


@dataclass
class Kept:
    """What CVAT has after an import: masks as shapes, and tracks of boxes."""

    masks: list[tuple[int, str, int, np.ndarray, Attributes]] = field(default_factory=list)
    tracks: list[tuple[str, int, dict[int, tuple[tuple[float, ...], bool]], Attributes]] = field(default_factory=list)


def load(file: Path) -> Kept:
    """Return what CVAT keeps of an XML file."""
    kept = Kept()
    root = ElementTree.parse(file).getroot()
    width, height = (int(root.findtext(f".//original_size/{side}") or 0) for side in ("width", "height"))
    for track in root.iter("track"):
        label, group = track.attrib["label"], int(track.attrib.get("group_id", 0))
        shapes = [shape for shape in track if shape.tag in ("box", "mask")]
        attributes = tuple((each.attrib["name"], each.text or "") for each in shapes[0].iter("attribute"))
        if shapes[0].tag == "mask":
            shown = next(shape for shape in shapes if shape.attrib["outside"] == "0")
            kept.masks.append((int(shown.attrib["frame"]), label, group, _mask(shown, (width, height)), attributes))
            continue
        boxes = {
            int(shape.attrib["frame"]): (
                tuple(float(shape.attrib[name]) for name in ("xtl", "ytl", "xbr", "ybr")),
                shape.attrib["outside"] == "1",
            )
            for shape in shapes
            if shape.attrib["keyframe"] == "1"
        }
        kept.tracks.append((label, group, boxes, attributes))
    return kept


def dump(kept: Kept, source: Path, file: Path) -> None:
    """Write what CVAT keeps as CVAT exports it; the meta data are those of `source`."""
    meta = ElementTree.parse(source).getroot().find("meta")
    assert meta is not None
    stop = int(meta.findtext(".//stop_frame") or 0)
    parts = []
    for number, (frame, label, group, mask, attributes) in enumerate(kept.masks):
        body = _dumped_mask(mask)
        shapes = _shape("mask", frame, body, attributes) + (
            _shape("mask", frame + 1, body, (), 1) if frame < stop else ""
        )
        parts.append(
            f'<track id="{number}" label={quoteattr(label)} source="manual" group_id="{group}">{shapes}</track>'
        )
    for number, (label, group, boxes, attributes) in enumerate(kept.tracks, start=len(kept.masks)):
        shapes = ""
        for place, (frame, (box, is_outside)) in enumerate(sorted(boxes.items())):
            body = 'xtl="{:.2f}" ytl="{:.2f}" xbr="{:.2f}" ybr="{:.2f}"'.format(*box)
            shapes += _shape("box", frame, body, attributes if place == 0 else (), int(is_outside))
            following = min((each for each in boxes if each > frame), default=frame)
            for between in range(frame + 1, following) if not is_outside else ():
                shapes += _shape("box", between, body, (), 0, keyframe=0)
        parts.append(
            f'<track id="{number}" label={quoteattr(label)} source="manual" group_id="{group}">{shapes}</track>'
        )
    text = ElementTree.tostring(meta, encoding="unicode")
    file.write_text(f"<annotations><version>1.1</version>{text}{''.join(parts)}</annotations>", encoding="utf-8")


def _track(number: int, label: str, group: int, shapes: str) -> str:
    return f'<track id="{number}" label={quoteattr(label)} source="manual" group_id="{group}">{shapes}</track>'


def _shape(kind: str, frame: int, body: str, attributes: Attributes, outside: int = 0, *, keyframe: int = 1) -> str:
    inner = "".join(
        f"<attribute name={quoteattr(name)}>{value.replace('&', '&amp;').replace('<', '&lt;')}</attribute>"
        for name, value in attributes
    )
    head = f'frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0"'
    return f'<{kind} {head} {body} z_order="0">{inner}</{kind}>'


def _mask(shape: ElementTree.Element, size_wh: tuple[int, int]) -> np.ndarray:
    left, top, width, height = (int(shape.attrib[name]) for name in ("left", "top", "width", "height"))
    runs = [int(run) for run in shape.attrib["rle"].split(",")]
    part = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    mask = np.zeros(size_wh[::-1], bool)
    mask[top : top + height, left : left + width] = part
    return mask


def _dumped_mask(mask: np.ndarray) -> str:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    runs, value, count = [], False, 0
    for pixel in part.ravel().tolist():
        if pixel != value:
            runs.append(count)
            value, count = pixel, 0
        count += 1
    text = ", ".join(map(str, [*runs, count]))
    return f'rle="{text}" left="{left}" top="{top}" width="{part.shape[1]}" height="{part.shape[0]}"'

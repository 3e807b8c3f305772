"""Label Studio written: an image task a labelled frame, a video task a video, and the interfaces for both."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from veason.draw import color_of
from veason.formats.label_studio.brush import encode_brush
from veason.formats.label_studio.tasks import SERVED
from veason.formats.labels.made_with import origin_of
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo, LabelMask
from veason.masks import decode_mask, mask_box
from veason.outputs import write_json

FRAMES, VIDEOS = "frames.json", "videos.json"


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write tasks with annotations, and the interfaces to show them in."""
    labels: dict[str, int] = {}
    tasks = []
    count = 0
    with (out / FRAMES).open("w", encoding="utf-8") as stream:
        stream.write("[")
        for video in videos:
            for object_id in video.object_ids:
                labels.setdefault(_label_of(video, object_id), len(labels) + 1)
            for frame_index, masks in video.by_frame() if video.tracks else ():
                stream.write(
                    (",\n" if count else "\n") + json.dumps(_frame_task(video, frame_index, masks), ensure_ascii=False)
                )
                count += 1
                tally.counts["masks"] += sum(not mask.is_empty for mask in masks.values())
            if options.has_pictures and video.tracks:
                write_pictures(video, video.labelled_frames(), out / "images" / video.name)
            tasks.append(_video_task(video))
            tally.counts["videos"] += 1
            tally.counts["objects"] += len(video.tracks)
        stream.write("\n]\n")
    tally.counts["frames"] += count
    write_json(tasks, out / VIDEOS)
    options = "".join(
        f"<Label value={quoteattr(label)} background={quoteattr(color_of(number))}/>"
        for label, number in labels.items()
    )
    (out / "frames.xml").write_text(
        f'<View><Image name="image" value="$image"/><BrushLabels name="mask" toName="image">{options}</BrushLabels>'
        "</View>\n",
        encoding="utf-8",
    )
    (out / "videos.xml").write_text(
        f'<View><Labels name="label" toName="video">{options}</Labels><Video name="video" value="$video"/>'
        '<VideoRectangle name="box" toName="video"/></View>\n',
        encoding="utf-8",
    )


def _label_of(video: LabelledVideo, object_id: int) -> str:
    """Return an object's label: its class or name, and its id."""
    return f"{video.category(object_id)} {object_id}"


def _frame_task(video: LabelledVideo, frame_index: int, masks: dict[int, LabelMask]) -> dict[str, Any]:
    width, height = video.info.size_wh
    result = [
        {
            "id": f"{object_id}-{frame_index}",
            "type": "brushlabels",
            "from_name": "mask",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "format": "rle",
                "rle": encode_brush(decode_mask(mask.rle)),
                "brushlabels": [_label_of(video, object_id)],
            },
        }
        for object_id, mask in masks.items()
        if not mask.is_empty
    ]
    name = video.frame_name(frame_index)
    address = SERVED + quote(f"images/{video.name}/{name}.jpg")
    data = {"image": address, "video": video.name, "frame": frame_index, "name": name}
    data |= {"width": width, "height": height}
    return {"data": data, "annotations": [{"result": result}]}


def _video_task(video: LabelledVideo) -> dict[str, Any]:
    info = video.info
    width, height = info.size_wh
    result = [
        {
            "id": str(object_id),
            "type": "videorectangle",
            "from_name": "box",
            "to_name": "video",
            "value": {
                "framesCount": info.num_frames,
                "duration": info.num_frames / info.fps,
                "sequence": _sequence(video, object_id),
                "labels": [_label_of(video, object_id)],
            },
        }
        for object_id in video.object_ids
    ]
    data = {
        "video": SERVED + quote(video.source_name),
        "name": video.name,
        "num_frames": info.num_frames,
        "fps": info.fps,
        "width": width,
        "height": height,
        "instructions": [
            {"name": question.name, "text": question.instruction, "objects": list(question.object_ids)}
            | origin_of(question)
            for question in video.questions
            if question.instruction
        ],
    }
    return {"data": data, "annotations": [{"result": result}]}


def _sequence(video: LabelledVideo, object_id: int) -> list[dict[str, Any]]:
    """Return the boxes of an object in percent of the picture.

    The last box before it goes is not enabled: Label Studio shows a box up to the next one, and up to the end of the
    video after the last, unless it is not enabled.
    """
    track = video.tracks[object_id]
    prompts = [prompt for question in video.questions for prompt in question.prompts if prompt.object_id == object_id]
    boxes = {index: mask_box(mask.rle) for index, mask in sorted(track.items())}
    if not track:
        boxes = {prompt.frame_index: prompt.box for prompt in prompts}
    width, height = video.info.size_wh
    rows: list[dict[str, Any]] = []
    for frame_index, box in sorted(boxes.items()):
        if box is None:
            for row in rows[-1:]:
                row["enabled"] = False
            continue
        place = {"x": 100 * box.x1 / width, "y": 100 * box.y1 / height, "rotation": 0}
        place |= {"width": 100 * (box.x2 - box.x1) / width, "height": 100 * (box.y2 - box.y1) / height}
        rows.append({"frame": frame_index + 1, "time": frame_index / video.info.fps, "enabled": True, **place})
    for row in rows[-1:] if track else ():
        row["enabled"] = False
    return rows

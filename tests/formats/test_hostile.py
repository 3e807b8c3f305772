"""Small files that would cost gigabytes, or the process, are refused with a reason, in little memory and time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.formats.reading import CASES, square

ROOT = Path(__file__).parent.parent.parent


def coco(annotation: dict[str, Any] | None = None, image: dict[str, Any] | None = None, **more: Any) -> str:
    images = [{"id": 1, "file_name": "clip/00001.jpg", "width": 160, "height": 120} | (image or {})]
    rows = [{"id": 1, "image_id": 1, "category_id": 1} | (annotation or {"segmentation": [square(1, 1)]})]
    return json.dumps({"images": images, "annotations": rows, "categories": []} | more)


def cvat(inner: str, *, stop: object = 59, width: object = 160, height: object = 120) -> str:
    size = f"<original_size><width>{width}</width><height>{height}</height></original_size>"
    meta = f"<meta><task><name>clip</name><stop_frame>{stop}</stop_frame>{size}</task></meta>"
    return f"<annotations>{meta}{inner}</annotations>"


def masks(frame: object, rle: str, box: str = 'left="0" top="0" width="160" height="120"', outside: int = 0) -> str:
    return f'<track id="0" label="a"><mask frame="{frame}" outside="{outside}" rle="{rle}" {box}/></track>'


ENDS = (
    '<track id="0" label="a"><polygon frame="0" points="1,1;9,1;9,9"/>'
    '<polygon frame="1" outside="1" points="1,1;9,1;9,9"/></track>'
)
TALL = 1 << 15
ZIGZAG = [value for at in range(20_000) for value in (at % 2 * 150, at % 3 * 50)]
FAR = {"segmentation": {"size": [TALL, TALL], "counts": [TALL * TALL]}}
SIZE = {"width": 2**40, "height": 2**40}

HOSTILE = {
    "coco--far.json": coco({"segmentation": [[0, 0, 1e18, 0, 1e18, 1e18]]}),
    "coco--infinite.json": coco({"segmentation": [[0, 0, float("inf"), 0, 1, 1]]}),
    "coco--zigzag.json": coco({"segmentation": [ZIGZAG * 10]}),
    "coco--size.json": coco(image=SIZE),
    "coco--tall.json": coco(FAR, {"width": TALL, "height": TALL}),
    "coco--runs-of-nothing.json": coco({"segmentation": {"size": [120, 160], "counts": [0] * 1_000_000}}),
    "coco--code-without-end.json": coco({"segmentation": {"size": [120, 160], "counts": "o" * 1_000_000}}),
    "coco--wrapped-runs.json": coco({"segmentation": {"size": [120, 160], "counts": [2**63, 2**63, 19200]}}),
    "coco--frame.json": coco(image={"frame_index": 2**62}),
    "coco--length.json": coco(image={"video_id": 1}, videos=[{"id": 1, "name": "clip", "length": 10**15}]),
    "coco--id.json": coco({"track_id": 10**300, "segmentation": [square(1, 1)]}),
    "coco--digits.json": '{"images": [' + "9" * 100_000 + "]}",
    "coco--depth.json": '{"images": ' + "[" * 500_000,
    "coco--box.json": coco({"bbox": [float("nan"), 0, 1, 1]}),
    "coco--many.json": json.dumps(
        {
            "images": [{"id": at, "file_name": f"clip/{at}.jpg", "width": 9, "height": 9} for at in range(3000)],
            "annotations": [
                {"id": at, "image_id": at, "category_id": 1, "track_id": at, "segmentation": [[0, 0, 5, 0, 5, 5]]}
                for at in range(3000)
            ],
        }
    ),
    "youtube-vis--size.json": json.dumps({"videos": [{"id": 1, "file_names": ["a/1.jpg"], **SIZE}], "annotations": []}),
    "youtube-vis--frame.json": json.dumps(
        {"videos": [{"id": 1, "file_names": [f"a/{9**30}.jpg"], "width": 9, "height": 9}], "annotations": []}
    ),
    "cvat--stop.xml": cvat(ENDS, stop=10**12),
    "cvat--ends.xml": cvat(ENDS * 50, stop=999_998),
    "cvat--frame.xml": cvat(masks(10**15, "0,19200")),
    "cvat--negative.xml": cvat(masks(-1, "0,19200")),
    "cvat--size.xml": cvat(masks(0, "0,1"), width=10**9, height=10**9),
    "cvat--tall.xml": cvat(masks(0, f"0,{TALL * TALL}"), width=TALL, height=TALL),
    "cvat--negative-run.xml": cvat(masks(0, "-5,19205")),
    "cvat--box.xml": cvat(masks(0, "0,400", 'left="-5" top="0" width="20" height="20"')),
    "cvat--ellipse.xml": cvat('<track label="a"><ellipse frame="0" cx="1" cy="1" rx="1e300" ry="1"/></track>'),
    "cvat--points.xml": cvat('<track label="a"><polygon frame="0" points="nan,nan;1,2;3,4"/></track>'),
    "cvat--entities.xml": '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + cvat("&b;"),
    "cvat--depth.xml": "<a>" * 200_000,
    "cvat--filter.xml": cvat('<image id="1" name="a"/>').replace(
        "</name>", "</name><frame_filter>step=x</frame_filter>"
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="limits on memory are told by Linux alone")
def test_hostile_files_are_refused_in_little_memory_and_time(tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name, text in HOSTILE.items():
        (folder / name).write_text(text)
    for file in (CASES / "attacks").iterdir():
        if file.suffix in (".json", ".xml"):
            shutil.copy(file, folder / f"{'cvat' if file.suffix == '.xml' else 'coco'}--{file.name}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.formats.hostile", str(folder)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert len(told) == len(list(folder.iterdir()))
    assert not {name: outcome for name, (outcome, _) in told.items() if not outcome.startswith("refused: ")}
    for name, (outcome, seconds) in told.items():
        assert name in outcome  # the file is named
        assert len(outcome) < 700
        assert seconds < 20, (name, seconds)

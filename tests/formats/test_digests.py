"""Exports are what they were, byte for byte: a small video through every format, against stored digests.

A digest covers names and content of text files, and the pixels of PNG files; pictures, videos and Parquet files depend
on the libraries that encode them, so of those only the names count. Change a digest only where the format changes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from veason.formats.catalogue import EXPORTABLE
from veason.formats.exporting import export_labels
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask, Track
from veason.masks import encode_mask
from veason.types import Box, Click, Prompt
from veason.video import open_video

SIZE_WH, NUM_FRAMES = (24, 16), 6

DIGESTS = {
    "davis": "246d697dd71a7771",
    "youtube-vos": "d480998e59fcf504",
    "coco": "869b01a90e43f3ed",
    "youtube-vis": "14266667d11df9b8",
    "mevis": "fd4eadf8596b0d9a",
    "revos": "42dbe60385503c43",
    "ref-youtube-vos": "a54c3c954d6f5160",
    "yolo-seg": "f6e28c639f06fece",
    "cvat": "4c25ba8a7131ea86",
    "label-studio": "72b376d4c1d93b9a",
    "overlay": "6eafe24c28c07fe0",
    "veason": "a74b3544bec51361",
    "sft": "8cc848824170c001",
    "grpo": "914da5690aa5563e",
}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> LabelledVideo:
    """Two objects that touch on frame 3; the second is away on frame 4 and unlabelled on frame 5."""
    folder = tmp_path_factory.mktemp("clips") / "walk"
    folder.mkdir()
    for index in range(NUM_FRAMES):
        Image.fromarray(np.full((*SIZE_WH[::-1], 3), 30 * index, np.uint8)).save(folder / f"{index:05d}.png")
    with open_video(folder) as source:
        info = source.info
    first: Track = {index: block(index, 2, score=3.0) for index in range(1, 6)}
    second: Track = {index: block(9 - index, 7 - index, is_occluded=index == 2) for index in range(1, 4)}
    second |= {4: LabelMask(encode_mask(np.zeros(SIZE_WH[::-1], bool)), -10.0)}
    boxes = (Prompt(1, 2, Box(2, 2, 8, 7)), Prompt(2, 2, clicks=(Click(9, 6), Click(20, 12, False))))
    common = {"status": "accepted", "reasoning": "confirmed", "shown": (0, 2, 5), "keyframe": 2}
    return LabelledVideo(
        name="walk",
        info=info,
        questions=(
            LabelledQuestion(
                "0", "both, “quoted” & <b>", (1, 2), thought="Two at (2s).", prompts=boxes, by_hand=frozenset({(2, 2)}),
                policy="nano", segmenter="nano", **common,
            ),
            LabelledQuestion("1", "die linke Kiste", (1,), type="reasoning", thought="Left at (2s).", **common),
            LabelledQuestion("2", "the otter", (), status="absent", thought="None.", reasoning="edited", shown=(0, 5)),
            LabelledQuestion("3", "", (2,), status="accepted"),
        ),
        tracks={1: first, 2: second},
        object_names={2: "box & lid"},
    )  # fmt: skip


def block(x: int, y: int, **more: object) -> LabelMask:
    mask = np.zeros(SIZE_WH[::-1], bool)
    mask[y : y + 5, x : x + 6] = True
    return LabelMask(encode_mask(mask), **more)  # type: ignore[arg-type]


def digest(folder: Path, place: str) -> str:
    found = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = b""
        if file.suffix == ".png":
            with Image.open(file) as picture:
                content = repr((picture.mode, picture.getpalette())).encode() + np.asarray(picture).tobytes()
        elif file.suffix in (".json", ".jsonl", ".txt", ".xml", ".yaml"):
            content = file.read_bytes().replace(place.encode(), b"")
        found.update(f"{file.relative_to(folder).as_posix()} {hashlib.sha256(content).hexdigest()}\n".encode())
    return found.hexdigest()[:16]


@pytest.mark.parametrize("format", EXPORTABLE)
def test_an_export_is_what_it_was(format: str, video: LabelledVideo, tmp_path: Path) -> None:
    export_labels([video], format, tmp_path / "out")
    assert digest(tmp_path / "out", video.info.path) == DIGESTS[format]

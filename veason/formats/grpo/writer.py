"""The reinforcement learning set written."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.formats.benchmarks.pictures import JPEG_QUALITY
from veason.formats.grpo.truth import write_truth
from veason.formats.labels.made_with import POLICY, SEGMENTER, model_columns
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.pictures import read_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.training import ask_in_text, context_of, shown_frames, trainable
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.libraries import library_imports
from veason.profile import Profile
from veason.project.videos import hash_video
from veason.rewards import RewardCase

_FILE = "train.parquet"
_DATA_SOURCE = "veason"
_ROWS_A_GROUP = 32
"""Rows held in memory at a time: a row has about half a megabyte of pictures."""


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write one parquet file.

    Raises:
        MissingBackend: pyarrow is not installed.
        ExportError: a video is not known or cannot be read.
    """
    with library_imports():
        import pyarrow as pa
        import pyarrow.parquet as pq
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    truth = pa.struct([("style", pa.string()), ("ground_truth", pa.string())])
    names = ("split", "video", "question", "instruction", POLICY, SEGMENTER)
    extra = pa.struct([("index", pa.int64()), *((name, pa.string()) for name in names)])
    schema = pa.schema(
        [
            ("data_source", pa.string()),
            ("prompt", pa.list_(message)),
            ("images", pa.list_(picture)),
            ("ability", pa.string()),
            ("reward_model", truth),
            ("extra_info", extra),
        ]
    )
    rows: list[dict[str, Any]] = []
    digests: dict[str, str] = {}
    with pq.ParquetWriter(out / _FILE, schema) as writer:
        for video, question in trainable(videos, tally):
            if video.name not in digests:
                digests[video.name] = _digest(video)
            footage, index = digests[video.name], tally.counts["samples"]
            rows.append(_row(video, question, index, footage, options.profile))
            tally.counts["samples"] += 1
            if len(rows) == _ROWS_A_GROUP:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))


def _row(
    video: LabelledVideo, question: LabelledQuestion, index: int, footage: str, profile: Profile
) -> dict[str, Any]:
    shown = shown_frames(video, question, profile)
    system, user = ask_in_text(profile, shown, question.instruction)
    tracks = [video.tracks[object_id] for object_id in question.object_ids]
    objects = tuple({one: track[one].rle for one in shown if one in track} for track in tracks)
    case = RewardCase(context_of(video, shown, profile), objects)
    images = [{"bytes": _jpeg(image, profile.size_wh), "path": None} for _, image in read_pictures(video, shown)]
    return {
        "data_source": _DATA_SOURCE,
        "prompt": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        "images": images,
        "ability": "video reasoning segmentation",
        "reward_model": {"style": "rule", "ground_truth": write_truth(case, question.keyframe, footage)},
        "extra_info": {
            "index": index,
            "split": "train",
            "video": video.name,
            "question": question.name,
            "instruction": question.instruction,
            **model_columns(question),
        },
    }


def _digest(video: LabelledVideo) -> str:
    """Return the digest of a video's content, "" where only some of its pictures are known."""
    path = Path(video.info.path)
    return hash_video(path) if video.info.path and path.exists() else ""


def _jpeg(image: np.ndarray, size_wh: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    picture = Image.fromarray(image).resize(size_wh, Image.Resampling.BILINEAR)
    picture.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue()

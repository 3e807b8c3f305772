"""The record of a format says what is true of its reader and writer."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats.made import AWAY, CLIP
from veason.errors import DataError, ExportError
from veason.formats.catalogue import BENCHMARKS, EXPORTABLE, FORMATS, IMPORTABLE, format_named
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.formats.record import Holds
from veason.types import Box, Prompt

BARE = ExportOptions(has_pictures=False)
UNLABELLED = 25

GUESS = "never trained on: moves"
POLICY, SEGMENTER = "qwen2.5vl:7b at 10.0.0.1:11434", "facebook/sam2.1-hiera-<tiny>"


@pytest.fixture(scope="module")
def video(videos: list[LabelledVideo]) -> LabelledVideo:
    """The accepted labels of the made project; object 1 has no label on a frame, object 9 only a box."""
    made = videos[0].only(tuple(question for question in videos[0].questions if question.is_accepted))
    box = Prompt(9, 30, Box(10, 20, 60, 50))
    boxed = LabelledQuestion(
        "9", "the box", (9,), status="accepted", prompts=(box,), by_hand=frozenset({(9, 30)}), keyframe=30
    )
    guessed = tuple(
        replace(question, guess=GUESS, policy=POLICY, segmenter=SEGMENTER)
        if question.instruction == "everything that moves"
        else replace(question, policy="", segmenter="")
        for question in made.questions
    )
    tracks = {**made.tracks, 1: {index: mask for index, mask in made.tracks[1].items() if index != UNLABELLED}, 9: {}}
    return replace(made, questions=(*guessed, boxed), tracks=tracks)


def test_names_are_unique_and_every_format_does_something() -> None:
    assert len({format.name for format in FORMATS}) == len(FORMATS)
    for format in FORMATS:
        assert format.write or format.read or format.benchmark
        assert format.about.endswith(".")
        assert "\n" not in format.about
    assert set(IMPORTABLE) <= set(EXPORTABLE)
    assert set(BENCHMARKS) == {"revos", "mevis", "reasonvos", "ref-youtube-vos", "ref-davis17"}


@pytest.mark.parametrize("format", IMPORTABLE)
def test_what_comes_back_of_an_export_is_what_the_record_says(
    format: str, video: LabelledVideo, tmp_path: Path
) -> None:
    options = ExportOptions() if format_named(format).pictures == "needed" else BARE
    report = export_labels([video], format, tmp_path / "out", options)
    (back,) = import_labels(tmp_path / "out", format, videos={"hide": CLIP})
    holds = format_named(format).holds
    words = {question.instruction: question for question in back.questions if question.instruction}
    bundle = words.get("everything that moves") if holds.review else None
    found = Holds(
        masks="exact" if not any("overlap" in kind for kind in report.lost) else "one object a pixel",
        identities=set(back.object_ids) >= {1, 2, 3},
        names="ring & more" in back.object_names.values(),
        text="the round thing" in words,
        several=any(len(question.object_ids) == 3 for question in words.values()),
        absent="the sleeping otter" in words,
        unlabelled=UNLABELLED not in back.tracks[1] and back.tracks[2][AWAY[0]].is_empty,
        occluded=any(mask.is_occluded for mask in back.tracks[2].values()),
        reasoning=bool(bundle and bundle.thought),
        keyframe=bool(bundle and bundle.keyframe),
        boxes=any(prompt.box for question in back.questions for prompt in question.prompts if prompt.object_id == 9),
        clicks=bool(bundle and any(prompt.clicks for prompt in bundle.prompts) and bundle.by_hand),
        guess=any(GUESS in file.read_text(errors="ignore") for file in (tmp_path / "out").rglob("*") if file.is_file()),
        models=_models(words.get("everything that moves")) == (POLICY, SEGMENTER),
        review=bool(bundle and bundle.is_accepted and back.tracks[1][50].provenance == "corrected"),
    )
    assert found == holds
    assert {_models(question) for text, question in words.items() if text != "everything that moves"} <= {("", "")}


def _models(question: LabelledQuestion | None) -> tuple[str, str] | None:
    return (question.policy, question.segmenter) if question else None


@pytest.mark.parametrize("format", EXPORTABLE)
def test_every_export_says_which_models_labelled_it(format: str, video: LabelledVideo, tmp_path: Path) -> None:
    report = export_labels([video], format, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "veason_export.json").read_text())["models"]
    assert told == [{"policy": POLICY, "segmenter": SEGMENTER, "questions": 1}]
    assert any("names of the models" in kind for kind in report.lost) != format_named(format).holds.models


@pytest.mark.parametrize("format", EXPORTABLE)
def test_what_a_format_cannot_tell_is_counted(format: str, video: LabelledVideo, tmp_path: Path) -> None:
    lost = export_labels([video], format, tmp_path / "out").lost
    holds = format_named(format).holds
    assert any("occluded" in kind for kind in lost) != holds.occluded
    assert any("nobody labelled" in kind for kind in lost) != holds.unlabelled


@pytest.mark.parametrize("format", EXPORTABLE)
def test_a_format_that_needs_pictures_says_so(format: str, video: LabelledVideo, tmp_path: Path) -> None:
    unknown = replace(video, info=replace(video.info, path=""))
    needs = format_named(format).pictures in ("needed", "video needed")
    with pytest.raises(ExportError, match="name its file or folder of frames") if needs else nullcontext():
        export_labels([unknown], format, tmp_path / "out", BARE)


def test_a_split_that_a_format_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="revos has the splits valid, train, not 'test'"):
        format_named("revos").split(tmp_path, "test")
    with pytest.raises(DataError, match="coco is a format of labels"):
        format_named("coco").split(tmp_path)
    with pytest.raises(DataError, match="there is no format 'docx': choose one of davis"):
        format_named("docx")


def test_the_records_load_neither_readers_nor_writers() -> None:
    code = (
        "import sys, veason.formats.catalogue; loaded = set(sys.modules)\n"
        "assert not loaded & {'numpy', 'PIL', 'pycocotools', 'av'}, loaded\n"
        "assert not [name for name in loaded if name.endswith(('.reader', '.writer'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

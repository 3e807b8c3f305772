"""A batch: every question answered once, whatever dies; what is wrong with a video is a row, not an end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.batch.runner import ASKED, jobs_of, make_pipeline
from tests.live_eval import Obedient
from veason.batch import (
    ResultFolder,
    collect,
    find_videos,
    run_batch,
)
from veason.batch.answering import MOST_SERVER_FAILURES
from veason.batch.running import MOST_DEATHS
from veason.cli import main
from veason.errors import EndpointError, ExportError, VideoError
from veason.masks import mask_area, rle_from_coco
from veason.types import Answer, Answered, PolicyEvent
from veason.video import VideoWriter

CLIPS = 6


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    (folder / "more").mkdir()
    rng = np.random.default_rng(0)
    for number in range(CLIPS):
        place = folder / ("more" if number % 2 else ".") / f"clip {number}.mp4"
        with VideoWriter(place, size_wh=(32, 24), fps=10) as writer:
            for _ in range(5):
                writer.write(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
    (folder / "broken.mp4").write_bytes(b"not a video")
    (folder / "._clip 0.mp4").write_bytes(b"litter")
    (folder / "notes.txt").write_text("x")
    return folder


def contents(out: Path) -> dict[str, dict]:
    return {record["key"]: record for record in ResultFolder(out)}


@pytest.fixture(scope="module")
def plain(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What one undisturbed process makes of it."""
    out = tmp_path_factory.mktemp("plain")
    for _ in run_batch(jobs_of([str(clips)]), make_pipeline, out):
        pass
    return contents(out)


def test_every_question_has_its_row(clips: Path, plain: dict[str, dict]) -> None:
    assert len(plain) == (CLIPS + 1) * len(ASKED)
    by_instruction: dict[str, list[dict]] = {}
    for record in plain.values():
        if "broken" not in record["video"]:
            by_instruction.setdefault(record["instruction"], []).append(record)
    for record in by_instruction["2,2,10,10@3"]:
        assert (record["keyframe"], record["boxes_xyxy"], record["absent"]) == (3, [[2, 2, 10, 10]], False)
        (one,) = record["objects"]
        assert set(one["masks"]) == {"0", "1", "2", "3", "4"}
        assert mask_area(rle_from_coco({"size": [24, 32], "counts": one["masks"]["3"][0]})) == 64
    assert all(record["absent"] is True and not record["objects"] for record in by_instruction["nothing"])
    assert all(record["absent"] is None and "no JSON" in record["error"] for record in by_instruction["nonsense"])
    broken = [record for record in plain.values() if "broken" in record["video"]]
    assert len(broken) == len(ASKED)
    assert all(record["error"] and record["absent"] is None for record in broken)


def test_killed_at_random_it_comes_to_the_same_and_asks_nothing_twice_that_was_kept(
    clips: Path, plain: dict[str, dict], tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    command = [sys.executable, "-m", "tests.batch.runner", str(clips), str(out), "2", str(log)]
    rng = random.Random(0)
    kept = 0
    for _ in range(3):
        process = subprocess.Popen(command, start_new_session=True)
        deadline = time.monotonic() + 60
        wanted = kept + rng.randrange(2, 6)
        while process.poll() is None and len(list(out.glob("results/*/*.json"))) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept = len(list(out.glob("results/*/*.json")))
        assert all(json.loads(file.read_bytes()) for file in out.glob("results/*/*.json"))
    subprocess.run(command, check=True, timeout=120)
    assert contents(out) == plain
    asked = len(log.read_text().splitlines())
    assert asked <= CLIPS * len(ASKED) + 3 * 2  # each kill loses at most what two workers had in hand


def test_a_disk_that_is_full_for_the_workers_ends_it_in_their_words(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way of the folder")
    with pytest.raises(ExportError, match="cannot keep a result"):
        list(run_batch(jobs_of([str(clips)]), make_pipeline, tmp_path, workers=2))


def test_two_programs_help_each_other(clips: Path, plain: dict[str, dict], tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    command = [sys.executable, "-m", "tests.batch.runner", str(clips), str(out), "1", str(log)]
    for process in [subprocess.Popen(command) for _ in range(2)]:
        assert process.wait(timeout=120) == 0
    assert contents(out) == plain
    assert len(log.read_text().splitlines()) == CLIPS * len(ASKED)  # nothing was asked twice


def test_a_question_that_kills_its_workers_becomes_an_error_and_stops_nobody(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of([str(clips / "clip 0.mp4")], ["die", "nothing", "2,2,10,10@3"])
    found = {one.key: one for one in run_batch(jobs, make_pipeline, tmp_path, workers=2)}
    assert {key: one.kind for key, one in found.items()} == dict(
        zip((job.key for job in jobs), ("error", "absent", "answered"), strict=True)
    )
    assert f"{MOST_DEATHS} workers died" in found[jobs[0].key].message
    monkeypatch.setenv("SURVIVE", "1")
    monkeypatch.setattr(Obedient, "stream", nothing_there)
    (again,) = run_batch(jobs, make_pipeline, tmp_path, retry_errors=True)
    assert (again.key, again.kind) == (jobs[0].key, "absent")


def nothing_there(self: Obedient, *_: object, **__: object) -> Iterator[PolicyEvent]:
    yield Answered(Answer("", None, ()))


def test_errors_can_be_asked_again(clips: Path, tmp_path: Path) -> None:
    jobs = jobs_of([str(clips / "clip 0.mp4")], ["nonsense", "nothing"])
    assert {one.kind for one in run_batch(jobs, make_pipeline, tmp_path)} == {"error", "absent"}
    assert list(run_batch(jobs, make_pipeline, tmp_path)) == []
    (again,) = run_batch(jobs, make_pipeline, tmp_path, retry_errors=True)
    assert again.kind == "error"


def test_several_workers_ask_an_error_again_once(clips: Path, tmp_path: Path) -> None:
    jobs = [one for one in jobs_of([str(clips)], ["nonsense"]) if "broken" not in one.video]
    log = tmp_path / "log"
    make = partial(make_pipeline, log)
    assert {one.kind for one in run_batch(jobs, make, tmp_path / "out", workers=2)} == {"error"}
    log.unlink()
    again = list(run_batch(jobs, make, tmp_path / "out", workers=2, retry_errors=True))
    assert len(again) == len(log.read_text().splitlines()) == CLIPS


def test_a_full_disk_ends_it_in_words_and_loses_nothing(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of([str(clips)])
    work = run_batch(jobs, make_pipeline, tmp_path)
    next(work)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match=r"No space left.*what is done stays"):
        next(work)
    monkeypatch.undo()
    assert len(contents(tmp_path)) == 1
    assert not list(tmp_path.glob("results/*/.*"))


def test_a_server_that_fails_one_question_after_the_other_ends_it_instead_of_filling_the_table(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of([str(clips / "clip 0.mp4")], [f"question {number}" for number in range(20)])

    def refused(*_: object, **__: object) -> Iterator[PolicyEvent]:
        raise EndpointError("the server refuses")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Obedient, "stream", refused)
        with pytest.raises(EndpointError, match=r"failed 5 questions in a row.*the server refuses.*what is done stays"):
            list(run_batch(jobs, make_pipeline, tmp_path))
    assert len(contents(tmp_path)) == MOST_SERVER_FAILURES - 1
    monkeypatch.setattr(Obedient, "stream", nothing_there)
    assert {one.kind for one in run_batch(jobs, make_pipeline, tmp_path, retry_errors=True)} == {"absent"}
    assert len(contents(tmp_path)) == len(jobs)


def test_names_of_results_are_contents(clips: Path, tmp_path: Path) -> None:
    (first,) = find_videos([str(clips / "clip 0.mp4")])
    copy = tmp_path / "other name.mp4"
    copy.write_bytes(Path(first).read_bytes())
    same = jobs_of([first, str(copy)], ["a", "a", "b"])
    assert [(job.video, job.instruction) for job in same] == [
        (video, word) for video in (first, str(copy)) for word in "ab"
    ]
    assert len({job.key for job in same}) == 2
    assert not {job.key for job in same} & {job.key for job in jobs_of([first], ["a", "b"], "other settings")}
    with pytest.raises(VideoError, match="holds no video"):
        find_videos([str(tmp_path / "*.mkv")])


def test_results_are_put_together(plain: dict[str, dict], clips: Path, tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    for key, record in plain.items():
        folder.write(key, record)
    jobs = jobs_of([str(clips)])
    folder.write("f" * 32, {"key": "f" * 32})  # a result of another question
    found = collect(folder, tmp_path, jobs)
    assert (found.missing, found.others) == (0, 1)
    answers, masks = found.answers, found.masks
    table, rows = pq.read_table(tmp_path / "answers.parquet").to_pylist(), pq.read_table(tmp_path / "masks.parquet")
    assert (answers, masks) == (len(plain), CLIPS * 2 * 5) == (len(table), rows.num_rows)
    assert {row["key"]: (row["absent"], row["error"], row["keyframe"]) for row in table} == {
        key: (record["absent"], record["error"], record["keyframe"]) for key, record in plain.items()
    }
    assert [row["key"] for row in table] == [job.key for job in jobs]
    before = (tmp_path / "answers.parquet").read_bytes()
    folder.place(next(iter(plain))).write_text("[]")
    with pytest.raises(ExportError, match="delete it"):
        collect(folder, tmp_path, jobs)
    assert (tmp_path / "answers.parquet").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_the_command_tells_what_it_does_not_understand(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing = tmp_path / "ask.csv"
    out = ["--out", str(tmp_path / "out")]
    for text, told in (
        ("video,instruction\nnobody.mp4,the dog\n", "is none of the videos"),
        ("video,instruction\n", "holds no instruction"),
        ("instruction\n", "holds no instruction"),
    ):
        listing.write_text(text)
        assert main(["batch", str(clips), "--instructions", str(listing), *out]) == 2
        assert told in capsys.readouterr().err
    assert main(["batch", str(tmp_path / "nowhere"), "--instruction", "x", *out]) == 2

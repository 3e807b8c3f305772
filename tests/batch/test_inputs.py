"""What a batch is given: lists that people and scripts write, folders, patterns, stores, and videos that change."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from tests.batch.runner import jobs_of, make_pipeline
from veason.batch import (
    ResultFolder,
    ask_all,
    digest_videos,
    find_videos,
    plan_jobs,
    read_asked,
    run_batch,
)
from veason.batch.jobs import BatchQuestion
from veason.batch.videos import DIGESTS, VideoFetcher, digest_of
from veason.errors import ExportError, MissingBackend, OptionError, ProjectError, VideoError
from veason.video import VideoWriter

BOX = "2,2,10,10@3"


def write_clip(path: Path, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, size_wh=(32, 24), fps=10) as writer:
        for _ in range(5):
            writer.write(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
    return path


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for number, name in enumerate(("a/x.mp4", "b/x.mp4", "b/Y z.mp4")):
        write_clip(tmp_path / "clips" / name, number)
    return tmp_path / "clips"


def asked_of(clips: Path, text: str | bytes, name: str = "q.csv") -> tuple[list[BatchQuestion], list[str]]:
    file = clips.parent / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_asked(str(file), find_videos([str(clips)]))


def test_a_list_names_videos_by_any_end_of_their_path_and_without_their_ending(clips: Path) -> None:
    names = ("a/x.mp4", "b\\x.mp4", "Y z.mp4", "Y z", str(clips / "a" / "x.mp4"))
    asked, told = asked_of(clips, "video,instruction\n" + "".join(f"{name},q{n}\n" for n, name in enumerate(names)))
    assert [one.video for one in asked] == [
        str(clips / name) for name in ("a/x.mp4", "b/x.mp4", "b/Y z.mp4", "b/Y z.mp4", "a/x.mp4")
    ]
    assert not told
    assert not any(one.failure for one in asked)


def test_a_list_names_videos_as_a_disk_does_that_knows_no_case_and_one_form_of_accents(clips: Path) -> None:
    write_clip(clips / "cafe\u0301" / "Walk.mp4", 3)
    asked, told = asked_of(clips, "video,instruction\ncaf\u00e9/walk.MP4,q1\n./cafe\u0301\\Walk,q2\n")
    assert [one.video for one in asked] == [str(clips / "cafe\u0301" / "Walk.mp4")] * 2
    assert not told


def test_a_folder_with_a_dot_is_called_by_its_whole_name(clips: Path) -> None:
    (clips / "walk.2").mkdir()
    Image.new("RGB", (8, 8)).save(clips / "walk.2" / "00000.png")
    asked, _ = asked_of(clips, "video,instruction\nwalk,cat\nwalk.2,dog\n")
    assert [bool(one.failure) for one in asked] == [True, False]


def test_a_video_is_called_by_its_absolute_path_however_it_was_given(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "q.csv"
    file.write_text(f"video,instruction\n{clips / 'b' / 'x.mp4'},cat\nclips/a/../b/x.mp4,dog\n")
    asked, told = read_asked(str(file), find_videos(["clips"]))
    assert [one.video for one in asked] == ["clips/b/x.mp4"] * 2
    assert not told


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_is_a_row_with_an_error_and_the_others_are_answered(clips: Path, tmp_path: Path) -> None:
    (clips / "a" / "x.mp4").rename(os.fsdecode(os.fsencode(clips) + b"/a/\xff.mp4"))
    asked = ask_all(find_videos([str(clips / "a"), str(clips / "b" / "x.mp4")]), BOX)
    jobs = plan_jobs(asked, digest_videos([one.video for one in asked if not one.failure]), "s")
    assert sorted(one.kind for one in run_batch(jobs, make_pipeline, tmp_path / "out")) == ["answered", "error"]
    (failed,) = [row for row in ResultFolder(tmp_path / "out") if row["error"]]
    assert "bytes that are no text" in failed["error"]
    with pytest.raises(OptionError, match="UTF-8"):
        ask_all([], "the \udcff ball")


def test_what_lies_among_the_results_and_is_none_is_left_alone(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (job,) = jobs_of([str(clips / "b" / "x.mp4")], [BOX])
    list(run_batch([job], make_pipeline, out))
    (out / "results" / "zz").mkdir()
    (out / "results" / "zz" / "notes.json").write_text("{}")
    assert ResultFolder(out).done(retry_errors=True) == {job.key}
    ResultFolder(out).place(job.key).write_text("{}")
    with pytest.raises(ExportError, match="is no result: delete it"):
        ResultFolder(out).read(job.key)


def test_a_row_whose_video_is_not_there_or_could_be_several_is_a_row_with_an_error(clips: Path, tmp_path: Path) -> None:
    asked, told = asked_of(clips, "video,instruction\nnobody.mp4,cat\nx.mp4,dog\nY z.mp4,nothing\n")
    assert [bool(one.failure) for one in asked] == [True, True, False]
    assert "line 2" in told[0]
    assert "could be any of 2" in told[1]
    jobs = plan_jobs(asked, digest_videos([asked[2].video]), "s")
    out = tmp_path / "out"
    assert [one.kind for one in run_batch(jobs, make_pipeline, out)] == ["error", "error", "absent"]
    assert [bool(ResultFolder(out).read(job.key)["error"]) for job in jobs] == [True, True, False]
    with pytest.raises(OptionError, match=r"asks nothing of these videos.*nobody"):
        asked_of(clips, "video,instruction\nnobody.mp4,dog\n")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""], ids=["bom", "plain"])
def test_doubled_rows_unknown_columns_and_marks_lose_nothing(clips: Path, mark: bytes) -> None:
    text = "video;instruction;colour\r\nY z;dog;red\r\nY z;dog;blue\r\n;cat;\r\nb/Y z.mp4;dog;\r\n"
    asked, told = asked_of(clips, mark + text.encode())
    shown = [(str(Path(one.video).relative_to(clips)), one.instruction) for one in asked]
    assert shown == [("b/Y z.mp4", "dog"), ("a/x.mp4", "cat"), ("b/Y z.mp4", "cat"), ("b/x.mp4", "cat")]
    assert sum("asks the same" in sentence for sentence in told) == 2
    assert any("'colour'" in sentence for sentence in told)


def test_ten_thousand_rows_are_understood_at_once(clips: Path) -> None:
    rows = "".join(f"b/x.mp4,question {number}\n" for number in range(10_000))
    asked, told = asked_of(clips, "video,instruction\n" + rows)
    assert (len(asked), told) == (10_000, [])
    assert len({job.key for job in plan_jobs(asked, {asked[0].video: "d"}, "s")}) == 10_000
    with pytest.raises(ProjectError):
        asked_of(clips, "\x00\x01")


def test_a_video_that_was_changed_is_another_question_and_what_was_made_stays(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = jobs_of([str(clips / "a")], [BOX])
    assert [one.kind for one in run_batch(before, make_pipeline, out)] == ["answered"]
    write_clip(clips / "a" / "x.mp4", 9)
    (stale,) = run_batch(before, make_pipeline, tmp_path / "other")
    assert "was changed after it was listed" in stale.message
    after = jobs_of([str(clips / "a")], [BOX])
    assert after[0].key != before[0].key
    assert [one.kind for one in run_batch(after, make_pipeline, out)] == ["answered"]
    assert ResultFolder(out).done() == {before[0].key, after[0].key}


def test_an_unchanged_video_is_read_once_for_its_digest(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = find_videos([str(clips)])
    first = digest_videos(videos, tmp_path)
    with (tmp_path / DIGESTS).open("ab") as stream:
        stream.write(b'{"video": "cut off by a k')
    write_clip(clips / "a" / "x.mp4", 5)
    read: list[str] = []

    def counted(place: str) -> str:
        read.append(place)
        return digest_of(place)

    monkeypatch.setattr("veason.batch.videos.digest_of", counted)
    second = digest_videos(videos, tmp_path)
    assert read == [videos[0]]
    assert {video for video in videos if first[video] != second[video]} == {videos[0]}
    assert digest_videos(videos, tmp_path) == second
    assert read == [videos[0]]


def test_a_video_that_cannot_be_read_is_a_row(clips: Path, tmp_path: Path) -> None:
    videos = [*find_videos([str(clips)]), str(clips / "gone.mp4")]
    jobs = plan_jobs([BatchQuestion(video, "nothing") for video in videos], digest_videos(videos, tmp_path), "s")
    found = list(run_batch(jobs, make_pipeline, tmp_path / "out"))
    assert [one.kind for one in found] == ["absent", "absent", "absent", "error"]
    assert "No such file" in found[3].message


def test_a_folder_of_pictures_is_a_video(tmp_path: Path) -> None:
    for number in range(4):
        place = tmp_path / "in" / "frames" / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((24, 32, 3), number * 40, np.uint8)).save(place)
    write_clip(tmp_path / "in" / "deep" / "clip.mp4")
    assert [Path(one).name for one in find_videos([str(tmp_path / "in")])] == ["clip.mp4", "frames"]
    jobs = jobs_of([str(tmp_path / "in" / "frames")], ["1,1,5,5@2"])
    assert [one.kind for one in run_batch(jobs, make_pipeline, tmp_path / "out")] == ["answered"]


def test_pictures_beside_videos_are_no_video(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "in" / "more" / "clip.mp4")
    frames = tmp_path / "in" / "frames"
    frames.mkdir()
    hidden = tmp_path / "in" / ".thumbnails"
    hidden.mkdir()
    for place in (tmp_path / "in", clip.parent, frames, hidden):
        Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(place / "cover.png")
    assert find_videos([str(tmp_path / "in")]) == [str(frames), str(clip)]
    assert find_videos([str(tmp_path / "in" / "*")]) == [str(frames)]
    assert find_videos([str(tmp_path / "in" / "**" / "*.mp4")]) == [str(clip)]


def test_a_store_gives_the_same_results_as_the_disk(clips: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(clips), "/bucket/clips", recursive=True)
    memory.pipe("/bucket/clips/notes.txt", b"x")
    memory.pipe("/bucket/clips/._x.mp4", b"litter")
    try:
        here = jobs_of([str(clips)], [BOX])
        there = jobs_of(["memory://bucket/clips"], [BOX])
        assert there == jobs_of(["memory://bucket/clips/**/*.mp4"], [BOX])
        assert {job.key for job in there} == {job.key for job in here}
        for jobs, out in ((here, "disk"), (there, "store")):
            assert {one.kind for one in run_batch(jobs, make_pipeline, tmp_path / out)} == {"answered"}
        for job in here:
            disk, store = (ResultFolder(tmp_path / out).read(job.key) for out in ("disk", "store"))
            assert store.pop("video").startswith("memory://")
            disk.pop("video")
            assert disk == store
        with pytest.raises(VideoError, match="holds no video"):
            find_videos(["memory://bucket/nowhere"])
    finally:
        memory.rm("/bucket", recursive=True)


@pytest.fixture
def web(clips: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(clips)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_video_of_the_web_is_fetched_and_a_missing_one_said(web: str, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads the web through aiohttp: make test-ray has it")
    jobs = jobs_of([f"{web}/a/x.mp4"], [BOX])
    assert [one.kind for one in run_batch(jobs, make_pipeline, tmp_path)] == ["answered"]
    with pytest.raises(VideoError, match=r"nobody\.mp4: (holds no video|cannot be read)"):
        find_videos([f"{web}/nobody.mp4"])


def test_a_store_without_its_library_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingBackend, match="adlfs"):
        find_videos(["abfs://bucket/clips"])


def test_what_a_worker_reads_is_what_was_listed(clips: Path) -> None:
    (job,) = jobs_of([str(clips / "a")], ["q"])
    footage = VideoFetcher()
    assert footage.path_of(job.video, job.digest) == Path(job.video)
    os.utime(job.video)
    assert footage.path_of(job.video, job.digest) == Path(job.video)
    Path(job.video).unlink()
    with pytest.raises(VideoError, match="No such file"):
        footage.path_of(job.video, job.digest)


def test_a_run_that_shares_and_one_that_does_not_keep_apart(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    told = "another run is at work"
    with (
        folder.running(is_alone=False),
        folder.running(is_alone=False),
        pytest.raises(ExportError, match=told),
        folder.running(is_alone=True),
    ):
        pass
    with folder.running(is_alone=True), pytest.raises(ExportError, match=told):
        list(run_batch([], make_pipeline, tmp_path))
    with folder.running(is_alone=True):
        pass

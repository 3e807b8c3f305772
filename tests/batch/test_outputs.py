"""What a batch leaves: tables, palette pictures, and a project whose queue waits for a person."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.batch.runner import ASKED, jobs_of, make_pipeline
from tests.batch.test_inputs import write_clip
from veason.batch import Job, ResultFolder, into_queue, run_batch, write_masks_zip
from veason.errors import ExportError
from veason.project import Project


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Job], ResultFolder]:
    folder = tmp_path_factory.mktemp("outputs")
    write_clip(folder / "clips" / "a.mp4", 1)
    write_clip(folder / "clips" / "b.mp4", 2)
    (folder / "clips" / "copy of a.mp4").write_bytes((folder / "clips" / "a.mp4").read_bytes())
    (folder / "clips" / "c.mp4").write_bytes(b"not a video")
    jobs = jobs_of([str(folder / "clips")])
    for _ in run_batch(jobs, make_pipeline, folder / "out"):
        pass
    return jobs, ResultFolder(folder / "out")


def test_palette_pictures_hold_each_object_and_an_index_says_why_some_have_none(
    done: tuple[list[Job], ResultFolder], tmp_path: Path
) -> None:
    jobs, folder = done
    written = write_masks_zip(folder, tmp_path, jobs)
    write_masks_zip(folder, tmp_path / "again", jobs)
    assert (tmp_path / "masks.zip").read_bytes() == (tmp_path / "again" / "masks.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "masks.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode())))
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
        assert len(pictures) == written.pictures == 2 * 2 * 5  # two boxes about two contents, five frames each
        assert len(rows) == 4 * len(ASKED)
        for row in rows:
            wanted = row["instruction"] in ("2,2,10,10@3", "4,4,12,12@0") and "c.mp4" not in row["video"]
            assert bool(row["folder"]) == wanted
            assert bool(row["error"]) == (row["instruction"] == "nonsense" or "c.mp4" in row["video"])
        first = next(row for row in rows if row["instruction"] == "2,2,10,10@3")
        picture = np.array(Image.open(io.BytesIO(archive.read(f"{first['folder']}/00003.png"))))
    assert set(np.unique(picture)) == {0, 1}
    assert picture[2:10, 2:10].all()


def test_a_project_gets_each_question_once_with_its_masks_or_its_failure(
    done: tuple[list[Job], ResultFolder], tmp_path: Path
) -> None:
    jobs, folder = done
    queued = into_queue(folder, jobs, tmp_path / "project")
    assert (queued.added, queued.known) == (2 * len(ASKED), len(ASKED))  # the copy is the same video
    assert len(queued.left_out) == len(ASKED)  # the file that is no video
    with Project.open(tmp_path / "project") as project:
        questions = project.library.questions()
        assert len(questions) == 2 * len(ASKED)
        for one in questions:
            state = project.labels.state(one.id)
            if one.instruction == "nonsense":
                assert (one.status, bool(one.failure)) == ("new", True)
            elif one.instruction == "nothing":
                assert one.status == "proposed"
                assert state.answer is not None
                assert state.answer.is_absent
            else:
                assert one.status == "proposed"
                assert len(state.tracks[1].frames) == 5
                assert not state.pending
        project.queue.set_status(questions[0].id, "accepted", annotator="ann")
    again = into_queue(folder, jobs, tmp_path / "project")
    assert (again.added, again.known) == (0, 3 * len(ASKED))
    with Project.open(tmp_path / "project") as project:
        assert project.library.question(questions[0].id).status == "accepted"


def test_a_full_disk_leaves_no_half_table_and_says_so(
    done: tuple[list[Job], ResultFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, folder = done

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(ExportError, match=r"No space left.*make room and start again"):
        write_masks_zip(folder, tmp_path, jobs)
    assert list(tmp_path.iterdir()) == []

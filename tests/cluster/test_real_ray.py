"""Ray itself; left out where it is not installed: `make test-ray` runs these in an environment that has it."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.batch.runner import ASKED, jobs_of, make_pipeline
from tests.batch.test_inputs import write_clip
from tests.cluster.work import Doubling, given_up
from tests.live_eval import make_pipeline as obedient_pipeline
from tests.test_evaluate import revos
from veason.batch import Pools, ResultFolder, collect, run_batch, run_on_cluster, write_masks_zip
from veason.cli import main
from veason.cluster import Cluster, WorkItem, WorkStage, run_stages
from veason.errors import DeviceError, ExportError, OptionError, VideoError
from veason.evaluate import ClusterWorkers, Live, evaluate

ray = pytest.importorskip("ray", reason="ray is not installed: make test-ray")
pytestmark = pytest.mark.timeout(600)

CLIPS = 8


@pytest.fixture(scope="module")
def here() -> Iterator[None]:
    """One Ray for the tests that need none of their own: its start takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            address="local", num_cpus=6, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1"
        )
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(CLIPS):
        write_clip(folder / f"clip {number}.mp4", number)
    (folder / "broken.mp4").write_bytes(b"not a video")
    return folder


@pytest.fixture(scope="module")
def plain(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one undisturbed process makes of it."""
    out = tmp_path_factory.mktemp("plain")
    for _ in run_batch(jobs_of([str(clips)]), make_pipeline, out):
        pass
    return out


def files_of(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(out.glob("results/*/*.json"))}


def doubling(tmp_path: Path, **options: Any) -> WorkStage:
    return WorkStage("double", partial(Doubling, tmp_path / "log"), given_up, **options)


def test_a_cluster_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str], clips: Path, tmp_path: Path) -> None:
    words = [
        "batch",
        str(clips),
        "--instruction",
        "x",
        "--out",
        str(tmp_path),
        "--policy",
        "nano",
        "--segmenter",
        "nano",
    ]
    assert main([*words, "--engine", "ray", "--address", "127.0.0.1:1"]) == 2
    assert "no Ray cluster at '127.0.0.1:1'" in capsys.readouterr().err
    assert main([*words, "--policy-workers", "2"]) == 2
    assert "--policy-workers belongs to --engine ray" in capsys.readouterr().err
    with pytest.raises(OptionError):
        WorkStage("x", int, given_up, workers=0)


@pytest.mark.usefixtures("here")
def test_items_go_through_stages_once_each(tmp_path: Path) -> None:
    stages = [
        doubling(tmp_path, workers=2, cpus=0.5),
        WorkStage("again", partial(Doubling, tmp_path / "log"), given_up),
    ]
    numbers = [number for number in range(40) if number != 13]
    found = list(run_stages([WorkItem(str(number), number) for number in numbers], stages, Cluster()))
    assert sorted((item.name, item.payload) for item in found) == sorted((str(one), 4 * one) for one in numbers)


@pytest.mark.usefixtures("here")
def test_an_item_that_kills_every_actor_is_given_up_and_the_others_are_not(tmp_path: Path) -> None:
    items = [WorkItem(str(number), number) for number in (1, 13, 2)]
    found = {item.name: item.payload for item in run_stages(items, [doubling(tmp_path)], Cluster())}
    assert found == {"1": 2, "2": 4, "13": "5 died over 13"}


@pytest.mark.usefixtures("here")
def test_what_the_next_item_would_meet_as_well_ends_it(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="out of memory on the accelerator"):
        list(run_stages([WorkItem("a", -1)], [doubling(tmp_path)], Cluster()))
    with pytest.raises(DeviceError, match=r"need 101 CPUs \(there are 6\)"):
        list(run_stages([WorkItem("a", 1)], [doubling(tmp_path, workers=100)], Cluster()))


@pytest.mark.usefixtures("here")
def test_a_batch_equals_that_of_one_process_bit_for_bit(clips: Path, plain: Path, tmp_path: Path) -> None:
    jobs = jobs_of([str(clips)])
    outcomes = list(run_on_cluster(jobs, make_pipeline, tmp_path, Cluster(), Pools(2, 2, cpus=0.5), threads=1))
    assert len(outcomes) == len({one.key for one in outcomes}) == len(jobs) == (CLIPS + 1) * len(ASKED)
    assert files_of(tmp_path) == files_of(plain)
    for out in (plain, tmp_path):
        collect(ResultFolder(out), out, jobs)
        write_masks_zip(ResultFolder(out), out, jobs)
    for name in ("answers.parquet", "masks.parquet", "masks.zip"):
        assert (tmp_path / name).read_bytes() == (plain / name).read_bytes()
    assert list(run_on_cluster(jobs, make_pipeline, tmp_path, Cluster(), Pools(cpus=0.5))) == []


@pytest.mark.usefixtures("here")
def test_a_full_disk_ends_it_in_words_and_the_rest_comes_later(
    clips: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = run_on_cluster(jobs_of([str(clips)]), make_pipeline, tmp_path, Cluster(), Pools(cpus=0.5), threads=1)
    next(work)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match=r"No space left.*what is done stays"):
        list(work)
    monkeypatch.undo()
    assert len(files_of(tmp_path)) == 1
    assert not list(tmp_path.glob("results/*/.*"))
    list(run_on_cluster(jobs_of([str(clips)]), make_pipeline, tmp_path, Cluster(), Pools(cpus=0.5), threads=1))
    assert files_of(tmp_path) == files_of(plain)


@pytest.mark.usefixtures("here")
def test_a_disk_that_the_machines_do_not_see_ends_it_before_rows_are_wasted(clips: Path, tmp_path: Path) -> None:
    jobs = jobs_of([str(write_clip(tmp_path / "in" / "one.mp4"))], ["nothing"])
    Path(jobs[0].video).unlink()
    with pytest.raises(VideoError, match="does not see"):
        list(run_on_cluster(jobs, make_pipeline, tmp_path / "out", Cluster(), Pools(cpus=0.5)))
    assert files_of(tmp_path / "out") == {}


def test_the_driver_is_killed_twice_and_nothing_kept_is_asked_again(clips: Path, plain: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    command = [sys.executable, "-m", "tests.cluster.work", str(clips), str(out), str(log)]
    for kept in (3, 12):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while process.poll() is None and len(files_of(out)) < kept:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = set(files_of(out))
    log.unlink()
    assert len(before) < len(jobs_of([str(clips)]))
    subprocess.run(command, check=True, timeout=300, stdout=subprocess.DEVNULL)
    assert files_of(out) == files_of(plain)
    asked = len(log.read_text().splitlines())
    assert asked <= CLIPS * len(ASKED) - sum("broken" not in one for one in before) + len(ASKED)


@pytest.mark.usefixtures("here")
def test_an_evaluation_scores_the_same_as_in_one_process_and_goes_on(tmp_path: Path) -> None:
    dataset = revos(tmp_path / "revos")
    texts = itertools.cycle(("2,1,8,6@0", "nothing@", "nonsense@", "2,1,8,6@3"))
    asked = [replace(sample, instruction=text) for sample, text in zip(dataset, texts, strict=False)]
    dataset = replace(dataset, samples=tuple(asked))
    make = partial(obedient_pipeline, None)
    one = evaluate(dataset, Live(make, {"policy": "obedient"}), tmp_path / "one")
    actors = ClusterWorkers(Cluster(), workers=2)
    many = evaluate(dataset, Live(make, {"policy": "obedient"}), tmp_path / "many", workers=actors)
    assert many.content == one.content
    assert (tmp_path / "many" / "report.md").read_bytes() == (tmp_path / "one" / "report.md").read_bytes()
    assert not list((tmp_path / "many").rglob(".seen-*"))
    (tmp_path / "log").write_text("")
    again = Live(partial(obedient_pipeline, tmp_path / "log"), {"policy": "obedient"})
    assert evaluate(dataset, again, tmp_path / "many", workers=actors).content == one.content
    assert (tmp_path / "log").read_text() == ""

"""A model that a process uses or fetches is not removed under it, unless somebody insists."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.models.hub_server import COMMIT, HubServer, running_hub
from tests.models.test_fetch import environment, veason
from veason import hub

NAME = "somebody/small-policy"
NOWHERE = "http://127.0.0.1:9"
LOADS = f"""
from veason.policy import load_policy
policy = load_policy({NAME!r})
print("loaded", flush=True)
input()
del policy
print("gone", flush=True)
input()
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return the folder of a model in a hub cache: the embedded policy under another name."""
    folder = tmp_path / "hf" / "hub" / "models--somebody--small-policy"
    shutil.copytree(hub.embedded("policy"), folder / "snapshots" / COMMIT)
    (folder / "blobs").mkdir()
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    return folder


@contextmanager
def process(home: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, *words],
        env=environment(home, NOWHERE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here")
def test_a_model_in_use_stays_until_its_process_is_gone_however_that_ends(tmp_path: Path, repository: Path) -> None:
    for folder in (repository, repository / "refs", repository / "blobs"):
        folder.chmod(0o555)  # nothing is written to a cache for this
    with process(tmp_path, "-c", LOADS) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "loaded\n"
        refused = veason(tmp_path, NOWHERE, "remove", NAME)
        assert refused.returncode == 2
        assert f"is in use or being fetched (process {user.pid})" in refused.stderr
        assert f"veason models remove {NAME} --force" in refused.stderr
        assert (repository / "snapshots" / COMMIT / "config.json").is_file()
        user.kill()  # no chance to tidy up
        user.wait()
        for folder in (repository, repository / "refs", repository / "blobs"):
            folder.chmod(0o755)
        assert veason(tmp_path, NOWHERE, "remove", NAME).returncode == 0
    assert not repository.exists()


@pytest.mark.skipif(not hub.has_embedded("policy"), reason="assets/nano/policy is not here")
def test_a_policy_that_is_let_go_of_leaves_its_model_free(tmp_path: Path, repository: Path) -> None:
    with process(tmp_path, "-c", LOADS) as user:
        assert user.stdout is not None
        assert user.stdin is not None
        assert user.stdout.readline() == "loaded\n"
        assert veason(tmp_path, NOWHERE, "remove", NAME).returncode == 2
        user.stdin.write("\n")
        user.stdin.flush()
        assert user.stdout.readline() == "gone\n"
        assert veason(tmp_path, NOWHERE, "remove", NAME).returncode == 0
    assert not repository.exists()


def test_a_model_that_is_being_fetched_is_removed_by_force_alone(tmp_path: Path) -> None:
    files = {"config.json": b'{"model_type": "qwen2_5_vl"}', "model.safetensors": b"w" * (1 << 21)}
    repository = tmp_path / "hf" / "hub" / "models--somebody--small-policy"
    with running_hub(HubServer({NAME: files}, pause_s=0.2)) as server:
        words = [sys.executable, "-m", "veason", "models", "get", NAME]
        fetching = subprocess.Popen(
            words, env=environment(tmp_path, server.address), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not server.served:
                assert fetching.poll() is None
            assert "is in use or being fetched" in veason(tmp_path, server.address, "remove", NAME).stderr
            assert repository.is_dir()
            assert veason(tmp_path, server.address, "remove", NAME, "--force").returncode == 0
        finally:
            fetching.kill()
            fetching.wait()

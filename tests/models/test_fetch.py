"""Models are fetched from a hub over HTTP: resumable, verified, and with words where that is not possible."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models.hub_server import COMMIT, HubServer, running_hub

WEIGHTS = os.urandom(1 << 21)
FILES = {"config.json": b'{"model_type": "qwen2_5_vl"}', "model.safetensors": WEIGHTS, "README.md": b"not needed"}
NAME = "somebody/small-model"


def environment(home: Path, endpoint: str) -> dict[str, str]:
    """Return the environment of a machine whose hub is elsewhere and whose home is a folder of the test."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    hub = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {**kept, **hub, "HOME": str(home)}


def veason(home: Path, endpoint: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `veason models` to its end."""
    return run(home, endpoint, [sys.executable, "-m", "veason", "models", *words])


def run(
    home: Path, endpoint: str, command: list[str], begin: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, which calls `begin` first."""
    return subprocess.run(
        command,
        env=environment(home, endpoint),
        preexec_fn=begin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_get_says_how_much_goes_on_where_it_was_killed_and_checks_what_came(tmp_path: Path) -> None:
    with running_hub(HubServer({NAME: FILES}, pause_s=0.1)) as hub:
        killed = subprocess.Popen(
            [sys.executable, "-m", "veason", "models", "get", NAME],
            env=environment(tmp_path, hub.address),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        parts = tmp_path / "hf" / "hub" / "models--somebody--small-model" / "blobs"
        deadline = time.monotonic() + 60
        while not any(one.stat().st_size > 1 << 18 for one in parts.glob("*.veason-part")):
            assert time.monotonic() < deadline, "nothing arrives"
            time.sleep(0.05)
        killed.send_signal(signal.SIGINT)
        assert killed.wait(timeout=30) == 130
        begun = next(parts.glob("*.veason-part")).stat().st_size
        assert 0 < begun < len(WEIGHTS)

        hub.pause_s = 0.0
        done = veason(tmp_path, hub.address, "get", NAME)
        assert done.returncode == 0, done.stderr
        assert "2 MB to fetch of 2 MB" in done.stderr
        assert ("model.safetensors", begun) in hub.served
        assert not [name for name, _ in hub.served if name == "README.md"]
        assert "is here" in veason(tmp_path, hub.address, "get", NAME).stdout

    listed = json.loads(veason(tmp_path, hub.address, "list", "--json").stdout)  # the hub is gone by now
    row = next(one for one in listed["models"] if one["name"] == NAME)
    assert (row["is_here"], row["kind"]) == (True, "policy")
    assert veason(tmp_path, hub.address, "check", NAME).returncode == 0

    blob = next(one for one in parts.iterdir() if one.stat().st_size == len(WEIGHTS))
    blob.chmod(0o644)
    blob.write_bytes(b"x" + WEIGHTS[1:])
    checked = veason(tmp_path, hub.address, "check", NAME)
    assert checked.returncode == 2
    assert "model.safetensors is not what was published" in checked.stderr
    assert "2 MB are free again" in veason(tmp_path, hub.address, "remove", NAME).stdout
    assert not parts.exists()


def test_a_file_that_is_not_what_was_published_is_refused_and_not_kept(tmp_path: Path) -> None:
    with running_hub(HubServer({NAME: FILES}, spoils=frozenset({"model.safetensors"}))) as hub:
        spoilt = veason(tmp_path, hub.address, "get", NAME)
        assert spoilt.returncode == 2
        assert "did not arrive as it was published" in spoilt.stderr
        hub.spoils = frozenset()
        assert veason(tmp_path, hub.address, "get", NAME).returncode == 0


@pytest.mark.parametrize(
    ("name", "licence", "told"),
    [
        pytest.param(NAME, "mit", "licence: mit, as its page says", id="on its page"),
        pytest.param(NAME, "", "licence: its page names none; ask the authors", id="nowhere"),
        pytest.param("SitongGong/Veason-R1", "", "its page names none; ask the authors", id="nowhere, in the list"),
        pytest.param(
            "Qwen/Qwen2.5-VL-7B-Instruct", "", "its page names none; known here as Apache-2.0", id="in the list alone"
        ),
    ],
)
def test_the_licence_is_told_before_anything_is_fetched(name: str, licence: str, told: str, tmp_path: Path) -> None:
    with running_hub(HubServer({name: FILES}, licence=licence)) as hub:
        assert told in veason(tmp_path, hub.address, "get", name).stderr


def test_a_model_that_changes_while_it_is_fetched_is_not_mixed_of_two(tmp_path: Path) -> None:
    with running_hub(HubServer({NAME: FILES}, changes_after=1)) as hub:
        changed = veason(tmp_path, hub.address, "get", NAME)
        assert changed.returncode == 2
        assert "was changed on the hub" in changed.stderr
        again = veason(tmp_path, hub.address, "get", NAME)
        assert again.returncode == 0, again.stderr
        snapshots = tmp_path / "hf" / "hub" / "models--somebody--small-model" / "snapshots"
        assert {one.name for one in (snapshots / COMMIT[::-1]).iterdir()} == {"config.json", "model.safetensors"}
        assert veason(tmp_path, hub.address, "check", NAME).returncode == 0


def test_a_network_that_breaks_is_gone_on_with(tmp_path: Path) -> None:
    with running_hub(HubServer({NAME: FILES}, breaks_after=1 << 20)) as hub:
        assert veason(tmp_path, hub.address, "get", NAME).returncode == 0
        assert [name for name, first in hub.served if first] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("name", "is_there", "told"),
    [
        pytest.param(
            NAME, False, f"hf download {NAME}; then copy the folder models--somebody--small-model", id="no hub"
        ),
        pytest.param("nobody/nothing", True, "is the name right?", id="no such model"),
        pytest.param("qwen2.5-vl-7b", True, "did you mean Qwen/Qwen2.5-VL-7B-Instruct", id="nearly a name"),
    ],
)
def test_what_cannot_be_fetched_says_what_to_do(name: str, is_there: bool, told: str, tmp_path: Path) -> None:
    with running_hub(HubServer({NAME: FILES})) as hub:
        address = hub.address if is_there else "http://127.0.0.1:9"
        started = time.monotonic()
        refused = veason(tmp_path, address, "get", name)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert time.monotonic() - started < 60


def test_a_disk_that_takes_no_more_is_told_and_what_came_is_gone_on_with(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no such limits")

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    with running_hub(HubServer({NAME: FILES})) as hub:
        full = run(tmp_path, hub.address, [sys.executable, "-m", "veason", "models", "get", NAME], small_files)
        assert full.returncode == 2
        assert "takes no more" in full.stderr
        assert "make room, then try again; it goes on where it stopped" in full.stderr
        assert "Traceback" not in full.stderr
        assert veason(tmp_path, hub.address, "get", NAME).returncode == 0
        first_bytes = [first for name, first in hub.served if name == "model.safetensors"]
        assert first_bytes[0] == 0
        assert first_bytes[-1] == 1 << 20
        assert veason(tmp_path, hub.address, "check", NAME).returncode == 0


def test_a_disk_without_the_room_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "hf").mkdir()
    mount = f"mount -t tmpfs -o size=1m tmpfs {tmp_path / 'hf'}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be made here")
    with running_hub(HubServer({NAME: FILES})) as hub:
        get = f"{mount} && {sys.executable} -m veason models get {NAME}"
        small = run(tmp_path, hub.address, ["unshare", "-rm", "sh", "-c", get])
    assert small.returncode == 2
    assert "needs 2 MB on the disk of" in small.stderr
    assert "make room, or set HF_HOME to another disk" in small.stderr
    assert not hub.served


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "hf").write_text("a file, where a folder is wanted")
    with running_hub(HubServer({NAME: FILES})) as hub:
        told = veason(tmp_path, hub.address, "get", NAME)
        assert told.returncode == 2
        assert f"{tmp_path / 'hf'} is in the way: move it elsewhere, then try again" in told.stderr
        assert "HF_HOME may name a folder on another disk" in told.stderr
        assert "Traceback" not in told.stderr

        (tmp_path / "hf").unlink()
        (tmp_path / "hf").mkdir(mode=0o555)
        if os.access(tmp_path / "hf", os.W_OK):
            return  # whoever may write everywhere (root) is not stopped by rights
        told = veason(tmp_path, hub.address, "get", NAME)
        assert told.returncode == 2
        assert "may not be read or written" in told.stderr
        assert "HF_HOME may name a folder on another disk" in told.stderr

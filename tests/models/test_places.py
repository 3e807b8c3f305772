"""Names that no model has, and places in the hub cache that are not what they should be, are told in words."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models.hub_server import HubServer, running_hub
from tests.models.test_fetch import FILES, NAME, veason
from veason import cli, hub
from veason.errors import OptionError
from veason.model_use import alone_with, holding
from veason.models.local import check_model, local_models, remove_model

OWN = "own/model"
FOLDER = "models--own--model"
CONFIG = b'{"model_type": "qwen2_5_vl"}'
BLOB = hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG, usedforsecurity=False).hexdigest()
LONG = "a" * 300
PART = f"blobs/{hashlib.sha256(FILES['model.safetensors']).hexdigest()}.veason-part"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty hub cache of the test's own."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    return folder


def put_model(folder: Path) -> Path:
    """Make a model's folder as the hub's library lays it out; return the one of its files."""
    snapshot = folder / "snapshots" / "abc"
    for place in (folder / "blobs", folder / "refs", snapshot):
        place.mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "blobs" / BLOB).write_bytes(CONFIG)
    (snapshot / "config.json").symlink_to(f"../../blobs/{BLOB}")
    (snapshot / "model.safetensors").write_bytes(b"12345678")
    return snapshot


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the last line of what a command that fails says on stderr; it has no number of an error."""
    assert cli.main(words) != 0
    said = capsys.readouterr().err.strip().rpartition("\r")[2].rpartition("\n")[2]
    assert not re.search(r"Errno|Traceback|None|\bnull\b", said), said
    assert len(said) < 700
    return said


@pytest.mark.parametrize("action", ["get", "check", "remove", "probe"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(LONG, id="long"),
        pytest.param(f"{LONG}/b", id="long owner"),
        pytest.param(f"own/{LONG}", id="long name"),
        pytest.param("own/a\nb", id="two lines"),
        pytest.param("own/a\0b", id="a null"),
        pytest.param("own/\udcff", id="no text"),
        pytest.param("", id="empty"),
        pytest.param("/", id="a slash"),
        pytest.param("..", id="above"),
        pytest.param("../../own", id="outside"),
        pytest.param("own/a*", id="a pattern"),
        pytest.param("a/b/c", id="three parts"),
        pytest.param("~nobody-at-all/x", id="the home of nobody"),
    ],
)
def test_a_name_that_no_model_has_is_told_so(
    action: str, name: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is no name of a model on the hub, which is OWNER/NAME" in told(capsys, "models", action, name)
    assert not any(cache.iterdir())


@pytest.mark.parametrize("kind", ["--policy", "--segmenter"])
@pytest.mark.parametrize("name", [LONG, f"{LONG}/b", f"./{LONG}", "a\0b", "~nobody-at-all/x", f"./{LONG}.json"])
def test_a_model_that_nothing_can_be_called_is_not_there(
    kind: str, name: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = str(hub.ASSETS / "examples" / "chase.mp4")
    words = ["ask", clip, "the star"] if kind == "--policy" else ["track", clip, "--box", "1,1,9,9@0"]
    said = told(capsys, *words, "--out", "out", kind, name)
    assert said.startswith("missing: ")
    assert f"no {kind.removeprefix('--')}" in said


def test_a_path_that_no_file_can_have_is_told_by_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no file can have so long a name: " in told(capsys, "ask", f"{LONG}.mp4", "the star", "--out", "out")


@pytest.mark.parametrize("action", ["check", "remove"])
@pytest.mark.parametrize("what", ["file", "link to nothing", "link to itself"])
def test_something_else_in_the_place_of_a_model_is_named_and_stays(
    action: str, what: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = cache / FOLDER
    if what == "file":
        place.write_text("mine")
    else:
        place.symlink_to("nowhere" if what == "link to nothing" else FOLDER)
    assert f"{place} is in the way of its folder" in told(capsys, "models", action, OWN)
    assert place.is_symlink() or place.read_text() == "mine"
    assert OWN not in [one.name for one in local_models()]


def test_a_hub_cache_that_is_a_file_is_named(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache.rmdir()
    cache.write_text("mine")
    for action in ("check", "remove"):
        assert f"{cache} is in the way of its folder" in told(capsys, "models", action, OWN)


@pytest.mark.parametrize(
    "place", ["blobs", f"blobs/{hashlib.sha256(FILES['model.safetensors']).hexdigest()}.veason-part"]
)
def test_something_else_in_the_place_of_what_is_fetched_is_named_and_stays(place: str, tmp_path: Path) -> None:
    repository = tmp_path / "hf" / "hub" / "models--somebody--small-model"
    if place == "blobs":
        repository.mkdir(parents=True)
        (repository / place).write_text("mine")
    else:
        (repository / place).mkdir(parents=True)
    with running_hub(HubServer({NAME: FILES})) as hub_server:
        refused = veason(tmp_path, hub_server.address, "get", NAME)
    assert refused.returncode == 2
    assert f"{repository / place} is in the way: move it elsewhere" in refused.stderr
    assert "Errno" not in refused.stderr
    assert (repository / place).exists()


def test_files_of_a_model_that_are_none_are_told_by_check(cache: Path) -> None:
    put_model(cache / FOLDER)
    assert check_model(OWN) == ()
    (cache / FOLDER / "blobs" / "folder").mkdir()
    (cache / FOLDER / "blobs" / "link").symlink_to("nowhere")
    assert [line.split(": ")[0] for line in check_model(OWN)] == [
        f"{cache / FOLDER / 'blobs' / name} is no file" for name in ("folder", "link")
    ]


@pytest.mark.parametrize("ref", ["folder", "no text"])
def test_a_cache_that_cannot_be_read_in_part_is_listed_all_the_same(ref: str, cache: Path) -> None:
    snapshot = put_model(cache / FOLDER)
    put_model(cache / "models--own--sam2")
    assert snapshot.is_dir()
    main = cache / FOLDER / "refs" / "main"
    main.unlink()
    if ref == "folder":
        main.mkdir()
    else:
        main.write_bytes(b"\xff\xfe")
    assert [one.name for one in local_models() if one.is_whole and one.folder and cache in one.folder.parents] == [
        "own/sam2"
    ]


def test_of_a_linked_folder_the_link_is_removed_and_what_it_leads_to_stays(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "disk" / "model"
    put_model(elsewhere)
    (cache / FOLDER).symlink_to(elsewhere)
    assert check_model(OWN) == ()
    assert cli.main(["models", "remove", OWN]) == 0
    assert f"what it led to stays in {elsewhere}" in capsys.readouterr().out
    assert not (cache / FOLDER).is_symlink()
    assert (elsewhere / "blobs" / BLOB).read_bytes() == CONFIG


def test_removing_counts_what_it_frees_and_nothing_that_links_lead_to(cache: Path, tmp_path: Path) -> None:
    put_model(cache / FOLDER)
    big = tmp_path / "big"
    big.write_bytes(b"x" * 10_000)
    (cache / FOLDER / "blobs" / "linked").symlink_to(big)
    assert remove_model(OWN).num_bytes == len(CONFIG) + len(b"12345678") + len("abc")
    assert big.stat().st_size == 10_000


def plain(snapshot: Path, place: Path) -> Path:
    return snapshot


def over_a_link(snapshot: Path, place: Path) -> Path:
    link = place / "mine"
    link.symlink_to(snapshot)
    return link


def over_the_links_of_its_files(snapshot: Path, place: Path) -> Path:
    folder = place / "files"
    folder.mkdir()
    for file in snapshot.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "loop").symlink_to("loop")
    return folder


def with_dots(snapshot: Path, place: Path) -> Path:
    cache = snapshot.parents[2]
    return cache / ".." / cache.name / FOLDER / "snapshots" / ".." / "snapshots" / snapshot.name


def one_file(snapshot: Path, place: Path) -> Path:
    return snapshot / "model.safetensors"


def by_the_real_name_of_the_cache(snapshot: Path, place: Path) -> Path:
    return place / "real-cache" / snapshot.relative_to(place / "hub")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
@pytest.mark.parametrize(
    "spelt", [plain, over_a_link, over_the_links_of_its_files, with_dots, one_file, by_the_real_name_of_the_cache]
)
@pytest.mark.parametrize("is_linked", [False, True], ids=["a folder", "a linked folder"])
def test_a_model_in_use_is_known_by_whatever_name_it_was_loaded(
    spelt: Callable[[Path, Path], Path], is_linked: bool, cache: Path, tmp_path: Path
) -> None:
    if spelt is by_the_real_name_of_the_cache:
        shutil.move(cache, tmp_path / "real-cache")
        cache.symlink_to(tmp_path / "real-cache")
    if is_linked:
        put_model(tmp_path / "elsewhere")
        (cache / FOLDER).symlink_to(tmp_path / "elsewhere")
    else:
        put_model(cache / FOLDER)
    put_model(cache / "models--own--other")
    name = str(spelt(cache / FOLDER / "snapshots" / "abc", tmp_path))
    with holding(name):
        with pytest.raises(OptionError, match="own/model is in use"):
            remove_model(OWN)
        with alone_with("own/other") as users:
            assert users is None
    remove_model(OWN)
    assert not (cache / FOLDER).exists()


def test_a_folder_here_is_meant_before_a_model_of_the_hub_that_is_called_so(cache: Path, tmp_path: Path) -> None:
    put_model(cache / FOLDER)
    (tmp_path / "own" / "model").mkdir(parents=True)  # where we are
    with holding(OWN), alone_with(OWN) as users:
        assert users is None

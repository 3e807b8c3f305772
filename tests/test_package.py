"""The package that is built: what is in it, what it promises, and that it works away from the checkout."""

from __future__ import annotations

import ast
import email
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import veason

ROOT = Path(__file__).parent.parent
PACKAGES = ("veason", "veason_nano")
BUILT_FROM = (*PACKAGES, "pyproject.toml", "LICENSE", "docs/package.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

BUILD = "from setuptools import build_meta; print(build_meta.build_{kind}('dist'))"

PROVE = """
import json, sys
from veason.cli import main
site, commands = sys.argv[1], json.loads(sys.argv[2])
def strangers():
    ours = [m.__file__ for name, m in sys.modules.items() if name.partition('.')[0] in ('veason', 'veason_nano')]
    assert ours
    return [file for file in ours if not file.startswith(site)]
for words in commands:
    print('begin', words[0], flush=True)
    print('ended', words[0], main(words), *strangers(), flush=True)
"""
"""Runs command lines one after the other in one process, and tells how each ended and which modules of ours came from
elsewhere than the folder named first."""


def sources() -> set[str]:
    """Return every file that belongs to the packages, as paths from the checkout."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {path.relative_to(ROOT).as_posix() for path in found if path.is_file() and "__pycache__" not in path.parts}


def build(kind: str, folder: Path) -> Path:
    command = [sys.executable, "-c", BUILD.format(kind=kind)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "dist" / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return build("sdist", folder)


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from what the sdist holds."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return build("wheel", unpacked)


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a folder; the libraries are those that are here."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*command, "--target", str(folder), str(wheel)], check=True, timeout=120)
    return folder


class Session:
    """One process outside the checkout that uses the installed package: it asks, draws, and then serves."""

    def __init__(self, site: Path, folder: Path) -> None:
        shutil.copy(site / "veason/assets/examples/parade.mp4", folder / "clip.mp4")
        asked = ["ask", "clip.mp4", "the latecomer", "--policy", "nano", "--segmenter", "nano", "--range", "40:44"]
        commands = [
            [*asked, "--out", "run"],
            ["nano", "world", "out", "--clips", "1", "--longest", "16"],
            ["serve", "--no-browser", "--policy", "nano", "--segmenter", "nano", "--project", "labels"],
        ]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
        environment |= {"PYTHONPATH": str(site), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "HOME": str(folder)}
        environment["GRADIO_ANALYTICS_ENABLED"] = "False"
        self.folder = folder
        self._log = folder / "log.txt"
        with self._log.open("w") as log:
            command = [sys.executable, "-c", PROVE, str(site), json.dumps(commands)]
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def wait_for(self, pattern: str, within_s: float = 240) -> re.Match[str]:
        """Wait until the process has said something, and return it; fail where it ends without."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            has_ended = self.process.poll() is not None
            said = self._log.read_text()
            if found := re.search(pattern, said, re.MULTILINE):
                return found
            assert not has_ended, said[-3000:]
            time.sleep(0.2)
        raise AssertionError(f"no {pattern!r} within {within_s} s: {self._log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def session(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The process, which goes on while the tests below wait for its parts one after the other."""
    running = Session(site, tmp_path_factory.mktemp("away"))
    yield running
    running.process.kill()
    running.process.wait(60)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == sources()


def test_the_sdist_holds_every_file_of_the_packages(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert names >= sources() | set(BUILT_FROM[2:])


@pytest.mark.parametrize(
    "name",
    [
        "veason/py.typed",
        "veason/studio/web/studio.html",
        "veason/studio/web/contract.d.ts",
        "veason/assets/nano/policy/model.safetensors",
        "veason/assets/nano/segmenter/config.json",
        "veason/assets/examples/recordings.json",
        "veason_nano/segmenter/train.py",
    ],
)
def test_what_an_installed_package_cannot_do_without_is_in_the_wheel(wheel: Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert name in archive.namelist()


def test_the_description_is_that_of_a_package_and_not_of_a_space(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    text = str(metadata.get_payload())
    assert text.startswith("# Veason\n")
    assert "sdk: gradio" not in text
    assert metadata["Version"] == veason.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Provides-Extra") == list(PROJECT["optional-dependencies"])


def test_a_space_installs_what_the_package_asks_for() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    extras = PROJECT["optional-dependencies"]
    assert wanted == [*PROJECT["dependencies"], *extras["decord"], *extras["spaces"]]


def test_the_libraries_whose_private_parts_are_used_are_held_to_the_series_that_is_tested() -> None:
    tested = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / ".ci/constraints.txt").read_text(), re.MULTILINE))
    for name in ("sam2", "gradio"):
        (wanted,) = (line for line in PROJECT["dependencies"] if re.match(rf"{name}\b", line))
        major, minor = tested[name].split(".")[:2]
        assert f"<{major}.{int(minor) + 1}" in wanted, f"{wanted}, but {tested[name]} is what is tested"


def test_the_wheel_installs_alone(site: Path) -> None:
    assert {path.name for path in site.iterdir()} >= set(PACKAGES)


def test_ask_answers_with_the_installed_package(session: Session) -> None:
    session.wait_for(r"^ended ask 0$")
    result = json.loads((session.folder / "run/result.json").read_text(encoding="utf-8"))
    assert result["objects"]
    assert list((session.folder / "run").rglob("*.png"))


def test_nano_is_there_when_it_is_asked_for(session: Session) -> None:
    session.wait_for(r"^1 clips in out$")
    session.wait_for(r"^ended nano 0$")


def test_serve_answers_over_http_with_the_installed_package(session: Session) -> None:
    address = session.wait_for(r"http://127\.0\.0\.1:\d+")[0]
    with urllib.request.urlopen(address, timeout=60) as page:
        assert page.status == 200
        assert "Veason" in page.read().decode()
    session.process.terminate()
    session.wait_for(r"^ended serve \d+$", within_s=60)


def test_every_public_name_is_found_where_it_is_said_to_be() -> None:
    for name in veason.__all__:
        assert getattr(veason, name) is not None
    assert dir(veason) == sorted(veason.__all__)


def test_type_checkers_are_told_of_the_same_names() -> None:
    tree = ast.parse((ROOT / "veason/__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {*told, "__version__"} == set(veason.__all__)
    for name, module in told.items():
        assert module == f"veason.{veason._ELSEWHERE.get(name, 'types')}"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'veason' has no attribute 'Session'"):
        veason.Session  # noqa: B018


def test_importing_veason_loads_nothing() -> None:
    code = (
        "import sys, veason; print(*sorted(n for n in sys.modules if n.split('.')[0] in {'numpy', 'torch', 'gradio'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""

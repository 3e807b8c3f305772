"""The first lines of the README are what a Hugging Face Space is made by; the container's files fit the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from veason.cli import build_parser

ROOT = Path(__file__).parent.parent.parent
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
FIELDS = {
    "title",
    "emoji",
    "colorFrom",
    "colorTo",
    "sdk",
    "sdk_version",
    "python_version",
    "app_file",
    "pinned",
    "license",
    "short_description",
    "models",
    "tags",
}


@pytest.fixture(scope="module")
def front() -> dict[str, Any]:
    _, block, _ = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(block)
    return found


def test_a_space_understands_every_field(front: dict[str, Any]) -> None:
    assert set(front) <= FIELDS
    assert front["sdk"] == "gradio"
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert len(front["short_description"]) <= 60
    assert len(front["emoji"]) == 1
    assert (ROOT / front["app_file"]).is_file()


def test_a_space_gets_the_versions_that_were_tried(front: dict[str, Any]) -> None:
    pins = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    assert f"gradio=={front['sdk_version']}\n" in pins
    assert isinstance(front["python_version"], str)  # 3.10 without quotes would be 3.1
    assert re.fullmatch(r"3\.1[1-3]", front["python_version"])
    assert "spaces>=" in (ROOT / "requirements.txt").read_text(encoding="utf-8")


def dockerfile(word: str) -> list[str]:
    """Return what follows a word at the begin of a line, lines that go on joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.removeprefix(word).strip() for line in text.splitlines() if line.startswith(f"{word} ")]


def test_everything_that_the_container_copies_is_there_and_not_left_out() -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in dockerfile("COPY"):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert source in let_in


def test_the_containers_commands_are_understood() -> None:
    (command,) = dockerfile("CMD")[-1:]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    for words in (yaml.safe_load(command), shlex.split(compose["services"]["veason"]["command"])):
        args = build_parser().parse_args(words)
        assert (args.host, args.port) == ("0.0.0.0", 7860)
        assert args.project == "/data/labels"


def test_the_containers_extras_are_there() -> None:
    import tomllib

    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(extras.split(",")) <= set(known)


def test_the_proxy_leads_to_the_container() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    proxy = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    (address,) = re.findall(r"proxy_pass http://(\w+):(\d+)/;", proxy)
    assert address == ("veason", "7860")
    assert "veason" in compose["services"]
    assert "--root-path /veason" in compose["services"]["veason"]["command"]
    (room,) = re.findall(r"client_max_body_size (\d+)m;", proxy)
    from veason.studio.server.settings import Settings

    assert int(room) >= Settings().max_upload_mb

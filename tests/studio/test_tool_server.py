"""The tools of the Model Context Protocol: its own client asks, tracks and exports over HTTP."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client as GradioClient

from tests.studio.served import served
from veason.errors import SessionError
from veason.hub import ASSETS
from veason.studio.server.deployment import Deployment
from veason.studio.server.outbox import Outbox
from veason.studio.server.uploads import is_upload, remove_old_uploads

pytest.importorskip("mcp", reason="mcp is not installed")

from mcp import Client, StdioServerParameters

CLIP = ASSETS / "examples" / "parade.mp4"
PART = {"start": 76, "stop": 80}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(visitors=tmp_path_factory.mktemp("visitors"), deployment=Deployment(has_mcp=True)) as address:
        yield address


@pytest.fixture(scope="module")
def upload(address: str) -> str:
    with CLIP.open("rb") as file:
        (path,) = httpx.post(f"{address}/gradio_api/upload", files={"files": file}).json()
    return str(path)


def call(address: str, name: str, **given: Any) -> tuple[Any, list[str]]:
    """Return the result of a tool, and the progress that was told on the way."""
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async def calling() -> Any:
        async with Client(f"{address}/mcp") as client:
            return await client.call_tool(name, given, progress_callback=progress)

    return asyncio.run(calling()), told


def test_the_tools_are_the_endpoints_with_the_same_parameters(address: str) -> None:
    async def listing() -> Any:
        async with Client(f"{address}/mcp") as client:
            return await client.list_tools()

    tools = {tool.name: tool for tool in asyncio.run(listing()).tools}
    info = GradioClient(address, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert {f"/{name}" for name in tools} == set(info)
    for name, tool in tools.items():
        assert list(tool.input_schema["properties"]) == [
            one["parameter_name"] for one in info[f"/{name}"]["parameters"]
        ]
        assert tool.description


def test_a_model_asks_and_exports(address: str, upload: str) -> None:
    result, told = call(address, "ask", video=upload, instruction="the latecomer", **PART)
    found = result.structured_content
    assert not result.is_error
    assert found["thought"]
    assert found["frames_with_masks"] == {"1": 4}
    assert "masks" not in found
    assert any("masks of frame 79" in one for one in told)
    assert found["thought"].startswith(told[1])
    palette, _ = call(address, "export", run=found["run"], form="palette")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(palette.structured_content["base64"]))) as archive:
        assert archive.namelist() == [f"{index:05d}.png" for index in range(76, 80)]
    rle, _ = call(address, "export", run=found["run"])
    assert json.loads(rle.structured_content["masks"])["79"]["1"]["size"] == [360, 640]


def test_a_model_tracks_a_clip_that_comes_inside_of_the_call(address: str) -> None:
    clip = "data:video/mp4;base64," + base64.b64encode(CLIP.read_bytes()).decode()
    prompts = [{"object": 2, "frame": 78, "box": [200, 80, 300, 180]}]
    result, _ = call(address, "track", video=clip, prompts=prompts, **PART)
    assert result.structured_content["frames_with_masks"] == {"2": 4}


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        pytest.param(
            "ask", {"video": "/etc/passwd", "instruction": "x"}, "gradio_api/upload", id="a file of the server"
        ),
        pytest.param("ask", {"video": str(CLIP), "instruction": "x"}, "gradio_api/upload", id="an asset of the server"),
        pytest.param("ask", {"video": "data:video/mp4;base64,!", "instruction": "x"}, "base64", id="no base64"),
        pytest.param("export", {"run": "guessed"}, "not kept", id="no run"),
    ],
)
def test_what_makes_no_sense_is_told_to_the_model(address: str, name: str, given: dict[str, Any], words: str) -> None:
    result, _ = call(address, name, **given)
    assert result.is_error
    assert words in result.content[0].text


def test_another_web_page_cannot_call_the_tools(address: str) -> None:
    sent = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert httpx.post(f"{address}/mcp", json=sent, headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_clip_on_this_machine_is_taken_where_only_this_machine_asks(tmp_path: Path, monkeypatch: Any) -> None:
    from veason.studio.server.tool_server import Clips

    outbox = Outbox()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(outbox.uploads))
    old = tmp_path / "old.mp4"
    shutil.copy(CLIP, old)
    os.utime(old, (0, 0))
    taken = Path(Clips(outbox, is_local=True).file(str(old)).path)
    assert is_upload(taken)
    remove_old_uploads(outbox.uploads, 3600)
    assert taken.read_bytes() == CLIP.read_bytes()
    assert taken.is_relative_to(outbox.uploads)
    outbox.close()
    assert old.is_file()


@pytest.mark.parametrize(
    "video",
    [
        str(CLIP),
        "/etc/passwd",
        "a\0b.mp4",
        "x" * 9000,
        "",
        ".",
        "data:",
        "data:,%",
        "data:video/mp4;base64,AAA",
        "\ud800",
    ],
    ids=lambda video: repr(video)[:30],
)
def test_what_is_no_clip_of_a_caller_is_refused(video: str, monkeypatch: Any) -> None:
    from veason.studio.server.tool_server import Clips

    outbox = Outbox()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(outbox.uploads))
    clips = Clips(outbox, is_local=False)
    with pytest.raises(SessionError):
        clips.file(video)
    assert list(outbox.uploads.iterdir()) == []
    outbox.close()


def test_a_clip_inside_of_a_call_needs_room(monkeypatch: Any) -> None:
    from veason.studio.server.tool_server import Clips

    outbox = Outbox(most_bytes=1000)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(outbox.uploads))
    clips = Clips(outbox, is_local=False)
    assert Path(clips.file("data:video/mp4;base64,AAAA").path).read_bytes() == bytes(3)
    assert clips.file("data:video/" + "v" * 9000 + ";base64,AAAA").path
    with pytest.raises(SessionError, match="no room for clips"):
        clips.file(f"data:video/mp4;base64,{'A' * 4000}")
    outbox.close()


PAGE = (Path(__file__).parent.parent.parent / "docs" / "how-to" / "program.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_every_line_for_curl_on_the_page_works(address: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    shutil.copy(CLIP, tmp_path / "clip.mp4")
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    path, event, answers = "", "", []
    for part in parts:
        command = part[: part.index("}'\n") + 2] if "}'\n" in part else part.splitlines()[0]
        command = command.replace("http://127.0.0.1:7860", address)
        command = command.replace("the red ball that enters first", "the latecomer")
        command = re.sub(r"/tmp/veason-x\S*?clip\.mp4", path, command).replace("1c0d", event)
        words = shlex.split(command)
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=200)
        answers.append(done.stdout)
        if "gradio_api/upload" in command:
            (path,) = json.loads(done.stdout)
        elif "event_id" in done.stdout:
            event = json.loads(done.stdout)["event_id"]
    events = re.findall(r"^event: (\w+)$", answers[-1], re.MULTILINE)
    assert set(events) - {"heartbeat"} == {"generating", "complete"}
    assert events[-1] == "complete"
    assert '"masks"' in answers[-1]


def test_the_endpoints_are_described_for_other_tools(address: str) -> None:
    described = httpx.get(f"{address}/gradio_api/openapi.json").json()
    assert described["openapi"].startswith("3.")
    for name in ("ask", "answers", "track", "export"):
        assert any(path.rstrip("/").endswith(f"/{name}") for path in described["paths"]), name


def test_the_page_for_people_is_there(address: str) -> None:
    config = httpx.get(f"{address}/config").json()
    shown = [one for one in config["dependencies"] if one["api_visibility"] == "public"]
    assert {one["api_name"] for one in shown} == {"ask", "answers", "track", "export"}


def test_a_program_that_starts_the_command_asks_and_exports_over_its_input_and_output(tmp_path: Path) -> None:
    clip = tmp_path / "parade.mp4"
    shutil.copy(CLIP, clip)
    command = [sys.executable, "-m", "veason", "mcp", "--policy", "scripted", "--segmenter", "nano"]

    async def calling() -> tuple[Any, ...]:
        server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
        async with Client(server) as client:
            asked = await client.call_tool("ask", {"video": str(clip), "instruction": "the latecomer", **PART})
            refused = await client.call_tool("ask", {"video": str(tmp_path / "none.mp4"), "instruction": "x"})
            run = asked.structured_content["run"]
            return asked, refused, await client.call_tool("export", {"run": run, "form": "rle"})

    asked, refused, exported = asyncio.run(calling())
    assert asked.structured_content["frames_with_masks"] == {"1": 4}
    assert refused.is_error
    assert "a path on this machine" in refused.content[0].text
    assert set(json.loads(exported.structured_content["masks"])) == {"76", "77", "78", "79"}
    assert "download" not in exported.structured_content

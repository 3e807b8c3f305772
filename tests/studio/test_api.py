"""The app for programs: gradio's own client asks, tracks and exports over HTTP, and gets what the page would show."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.studio.served import served
from veason.errors import OptionError, PromptError
from veason.hub import ASSETS
from veason.masks import decode_mask, rle_from_coco
from veason.studio.server.api import Api
from veason.studio.server.call_arguments import checked_arguments
from veason.studio.server.call_prompts import MOST_PROMPTS, read_prompts
from veason.types import Box, Click, Prompt

CLIP = ASSETS / "examples" / "parade.mp4"
QUESTION = "the latecomer"
PART = {"start": 76, "stop": 84}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served(visitors=tmp_path_factory.mktemp("visitors")) as address:
        yield Client(address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


def call(client: Client, name: str, **given: Any) -> list[dict[str, Any]]:
    """Return all events of a call; the last one is its result."""
    job = client.submit(api_name=f"/{name}", **given)
    job.result(timeout=240)
    return list(job.outputs())


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(event["kind"] for event in events))


def test_a_program_asks_and_gets_reasoning_boxes_masks_and_files(client: Client) -> None:
    events = call(client, "ask", video=handle_file(CLIP), instruction=QUESTION, **PART)
    assert kinds(events) == ["shown", "thought", "keyframe", "box", "answered", "masks", "result"]
    result = events[-1]
    assert result["thought"] == "".join(event["text"] for event in events if event["kind"] == "thought")
    assert (result["num_frames"], result["width"], result["height"], result["absent"]) == (96, 640, 360, False)
    assert len(result["boxes"]) == len({event["object"] for event in events if event["kind"] == "box"}) >= 1
    assert sorted(result["masks"], key=int) == [str(index) for index in range(76, 84)]
    palette = client.predict(run=result["run"], form="palette", api_name="/export")
    with zipfile.ZipFile(palette) as archive:
        assert archive.namelist() == [f"{index:05d}.png" for index in range(76, 84)]
        with archive.open("00080.png") as file, Image.open(file) as picture:
            ids = np.asarray(picture)
    mask = decode_mask(rle_from_coco(result["masks"]["80"]["1"]))
    assert (ids == 1).sum() == mask.sum() > 100
    assert (
        json.loads(Path(client.predict(run=result["run"], form="rle", api_name="/export")).read_text())
        == result["masks"]
    )


def test_a_program_tracks_a_box_by_hand(client: Client) -> None:
    prompts = [{"object": 3, "frame": 80, "box": [200, 80, 300, 180]}]
    result = call(client, "track", video=handle_file(CLIP), prompts=prompts, **PART)[-1]
    assert result["masks"]["80"].keys() == {"3"}
    assert "thought" not in result


def test_a_program_gets_several_answers(client: Client) -> None:
    events = call(client, "answers", video=handle_file(CLIP), instruction=QUESTION, count=1)
    assert kinds(events) == ["answered", "result"]
    assert events[-1]["answers"] == [{key: value for key, value in events[0].items() if key != "kind"}]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        pytest.param("ask", {"instruction": ""}, "instruction is empty", id="no words"),
        pytest.param("ask", {"instruction": "x", "frames": 9999}, "frames is 1 to 64", id="too many frames"),
        pytest.param("ask", {"instruction": "x", "stop": 9999}, "96 frames", id="a range outside"),
        pytest.param("ask", {"instruction": "what nobody recorded"}, "no answer is recorded", id="no recording"),
        pytest.param("ask", {"instruction": None}, "instruction is a text", id="no text"),
        pytest.param("ask", {"instruction": "x", "frames": "many"}, "frames is a whole number", id="no number"),
        pytest.param("answers", {"instruction": "x", "count": 0}, "count is 1 to 16", id="no answers"),
        pytest.param("track", {"prompts": []}, "a list of 1 to", id="no prompts"),
        pytest.param("track", {"prompts": [{"object": 1, "frame": 0}]}, "prompts[0]", id="half a prompt"),
        pytest.param("track", {"prompts": [{"object": 1, "frame": 999, "box": [0, 0, 9, 9]}]}, "999", id="no frame"),
    ],
)
def test_what_makes_no_sense_is_told_to_the_program(
    client: Client, name: str, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(AppError) as error:
        call(client, name, video=handle_file(CLIP), **given)
    assert told in str(error.value)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", str(CLIP), "/proc/self/environ"])
@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}], ids=["bare", "marked"])
def test_a_program_names_no_file_of_the_server(client: Client, path: str, meta: dict[str, Any]) -> None:
    address = f"{client.src.rstrip('/')}/gradio_api/call/ask"
    sent = {"data": [{"path": path, **meta}, QUESTION, 0, 0.0, 0, 0, 0]}
    began = httpx.post(address, json=sent, timeout=60)
    if began.status_code == 200:
        told = httpx.get(f"{address}/{began.json()['event_id']}", timeout=60).text
        assert "event: error" in told
        assert "thought" not in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"instruction": ["a"]}, "instruction is a text of at most 4000 letters, got list"),
        ({"instruction": "x" * 4001}, "instruction is a text of at most 4000 letters, got 'xxx"),
        ({"instruction": "\ud800"}, r"instruction is a text of at most 4000 letters, got '\ud800'"),
        ({"frames": True}, "frames is a whole number, got True"),
        ({"frames": 1.5}, "frames is a whole number, got 1.5"),
        ({"seed": 10**400}, "seed is a whole number, got 1000"),
        ({"temperature": float("nan")}, "temperature is a finite number, got nan"),
        ({"temperature": float("inf")}, "temperature is a finite number, got inf"),
        ({"temperature": {}}, "temperature is a finite number, got dict"),
        ({"guess": "yes"}, "guess is true or false, got 'yes'"),
        ({"start": None}, "start is a whole number, got None"),
    ],
)
def test_arguments_of_another_type_are_refused_in_words(given: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError) as error:
        checked_arguments(Api.ask, (), given)
    assert str(error.value).startswith(told)


def test_arguments_of_the_declared_types_are_taken_in_any_order() -> None:
    found = checked_arguments(Api.ask, ("clip", "the dog", 8.0), {"temperature": 1})
    assert found == {"video": "clip", "instruction": "the dog", "frames": 8, "temperature": 1.0}
    assert isinstance(found["frames"], int)
    with pytest.raises(OptionError, match="form is palette or rle, got list"):
        checked_arguments(Api.export, ("run", ["rle"]), {})


def test_an_unknown_run_has_no_file(client: Client) -> None:
    with pytest.raises(AppError, match="not kept"):
        client.predict(run="guessed", form="rle", api_name="/export")


def test_the_endpoints_are_described_and_the_pages_own_are_not(client: Client) -> None:
    told = client.view_api(return_format="dict", print_info=False)
    assert set(told["named_endpoints"]) == {"/ask", "/answers", "/track", "/export"}
    names = [one["parameter_name"] for one in told["named_endpoints"]["/ask"]["parameters"]]
    assert names == ["video", "instruction", "frames", "temperature", "seed", "start", "stop", "guess"]


def test_boxes_and_clicks_of_one_place_are_one_prompt() -> None:
    rows = [
        {"object": 1, "frame": 4, "box": [1, 2, 30, 40]},
        {"object": 1, "frame": 4, "point": [5, 6], "positive": False},
        {"object": 2, "frame": 0, "point": [7, 8]},
    ]
    assert read_prompts(rows) == (
        Prompt(1, 4, Box(1, 2, 30, 40), (Click(5, 6, is_positive=False),)),
        Prompt(2, 0, None, (Click(7, 8),)),
    )


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(None, id="nothing"),
        pytest.param([{}] * (MOST_PROMPTS + 1), id="too many"),
        pytest.param([3], id="a number"),
        pytest.param([{"object": True, "frame": 0, "box": [0, 0, 1, 1]}], id="a bool for a number"),
        pytest.param([{"object": 0, "frame": 0, "box": [0, 0, 1, 1]}], id="object 0"),
        pytest.param([{"object": 1, "frame": -1, "box": [0, 0, 1, 1]}], id="frame -1"),
        pytest.param([{"object": 1, "frame": 0, "box": [0, 0, 1]}], id="three numbers"),
        pytest.param([{"object": 1, "frame": 0, "box": [0, 0, float("nan"), 1]}], id="NaN"),
        pytest.param([{"object": 1, "frame": 0, "point": ["1", 2]}], id="text"),
    ],
)
def test_a_prompt_of_another_form_is_refused(rows: Any) -> None:
    with pytest.raises(PromptError):
        read_prompts(rows)

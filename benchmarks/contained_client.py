"""What a program in another container does through the proxy: gradio's client, then one of MCP, on a real clip.

    python contained_client.py URL NAME WORD CLIP FRAME X1,Y1,X2,Y2

It prints JSON: what came of each call, and the run-length code of the object on the frame after FRAME and on FRAME.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file
from mcp import Client as ToolClient
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

WORDS = "the dog"


def through_gradio(url: str, headers: dict[str, str], clip: str, part: dict[str, Any]) -> dict[str, Any]:
    """Track a box, take the masks along, and ask, through gradio's client."""
    client = Client(f"{url}/", headers=headers, verbose=False, download_files=tempfile.mkdtemp())
    track = client.submit(video=handle_file(clip), **part, api_name="/track")
    result = track.result(timeout=1500)
    archive = client.predict(run=result["run"], form="palette", api_name="/export")
    with zipfile.ZipFile(archive) as file:
        pictures = file.namelist()
    ask = client.submit(
        video=handle_file(clip), instruction=WORDS, start=part["start"], stop=part["stop"], guess=True, api_name="/ask"
    )
    asked = ask.result(timeout=1500)
    return {
        "masks": result["masks"],
        "track_events": list(dict.fromkeys(event["kind"] for event in track.outputs())),
        "pictures": len(pictures),
        "ask_events": list(dict.fromkeys(event["kind"] for event in ask.outputs())),
        "asked_frames": len(asked["masks"]),
        "keyframe": (asked.get("answer") or {}).get("keyframe"),
    }


async def through_mcp(url: str, headers: dict[str, str], clip: str, part: dict[str, Any]) -> dict[str, Any]:
    """Track the same box and export it with a client of MCP, the clip as an upload and inside of the call."""
    with open(clip, "rb") as file:
        sent = httpx.post(f"{url}/gradio_api/upload", files={"files": file}, headers=headers, timeout=900)
    inside = "data:video/mp4;base64," + base64.b64encode(Path(clip).read_bytes()).decode()
    transport = streamable_http_client(f"{url}/mcp", http_client=create_mcp_http_client(headers=headers))
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with ToolClient(transport) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        results = [
            (await client.call_tool("track", {"video": video, **part}, progress_callback=progress)).structured_content
            for video in (sent.json()[0], inside)
        ]
        exported = [(await client.call_tool("export", {"run": one["run"], "form": "rle"})) for one in results]
        palette = await client.call_tool("export", {"run": results[0]["run"], "form": "palette"})
    masks = [json.loads(one.structured_content["masks"]) for one in exported]
    return {"tools": tools, "masks": masks, "progress": len(told), "exported": not palette.is_error}


def main() -> None:
    url, name, word, clip, frame, box = sys.argv[1:]
    basic = base64.b64encode(f"{name}:{word}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    start = int(frame)
    part = {
        "prompts": [{"object": 1, "frame": start, "box": [float(value) for value in box.split(",")]}],
        "start": start,
        "stop": start + 6,
    }
    ready = httpx.get(f"{url}/health/ready", timeout=300)
    nobody = httpx.get(f"{url}/config", timeout=300)
    told = {"ready": ready.status_code, "nobody": nobody.status_code}
    told |= {"gradio": through_gradio(url, headers, clip, part)}
    told |= {"mcp": asyncio.run(through_mcp(url, headers, clip, part))}
    try:
        httpx.get("http://10.77.0.2:7860/health/live", timeout=5)
        told["around_the_proxy"] = "reached"
    except httpx.HTTPError as error:
        told["around_the_proxy"] = type(error).__name__
    print(json.dumps(told))


if __name__ == "__main__":
    main()

"""The app's programming interface as tools of the Model Context Protocol: `ask`, `answers`, `track` and `export`.

They are the endpoints of `api.py`, in the same line for the models and with the same limits. What streams there is told
here as progress. Masks of a whole clip are long, so a result counts them, and `export` has them.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread

from veason import __version__
from veason.errors import SessionError, VeasonError
from veason.libraries import library_imports
from veason.pipeline import Pipeline
from veason.studio.server.api import Api, ApiEvent
from veason.studio.server.failures import ErrorFormatter
from veason.studio.server.guard import App, AsgiScope, Receive, Send
from veason.studio.server.intake import MOST_BODY
from veason.studio.server.model_choice import ModelChoice
from veason.studio.server.model_line import ModelLine
from veason.studio.server.outbox import Outbox
from veason.studio.server.uploads import LINKED, file_name, is_upload
from veason.video.limits import ANY

with library_imports():
    import gradio as gr
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.server.transport_security import TransportSecuritySettings

PATH = "/mcp"
"""Where the server is found below the app's address."""

_INSTRUCTIONS = (
    "Segment objects in videos by language. Call ask with a clip and what to look for; its result names keyframe, "
    "boxes and a run, whose masks export returns. Frames are counted from 0, boxes are x1, y1, x2, y2 in pixels."
)


class Clips:
    """Where the clips of callers come from.

    Args:
        outbox: where they are kept with what browsers upload, and from the same budget.
        is_local: callers are on this machine, and may name its files.
    """

    def __init__(self, outbox: Outbox, *, is_local: bool) -> None:
        self._outbox, self._is_local = outbox, is_local

    def file(self, video: str) -> gr.FileData:
        """Return the clip that a caller named, as an upload.

        Raises:
            SessionError: it is no clip, a file that the caller may not name, or there is no room for it.
        """
        if video.startswith("data:"):
            return self._kept(video)
        if is_upload(Path(video)):
            return gr.FileData(path=video)
        if self._is_local and os.path.isfile(video):  # false also for what no disk takes as a name
            return self._linked(Path(video))
        own = "a path on this machine, " if self._is_local else ""
        raise SessionError(
            f"video is {own}the path that an upload to gradio_api/upload returned, or data:video/mp4;base64,..., got "
            f"{video[:60]!r}"
        )

    def _room(self, name: str, kind: str = "mcp-") -> Path:
        folder = self._outbox.uploads / f"{kind}{secrets.token_urlsafe(12)}"
        folder.mkdir(parents=True)
        return folder / file_name(name)

    def _kept(self, video: str) -> gr.FileData:
        head, _, text = video.partition(",")
        try:
            content = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise SessionError("video begins with data: and is not base64 after the comma") from error
        if not content:
            raise SessionError("video begins with data: and holds nothing after the comma")
        with self._outbox.room_for(len(content)) as has_room:
            if not has_room:
                raise SessionError("the server has no room for clips at the moment: try again later")
            path = self._room(f"clip.{head.partition(';')[0].rpartition('/')[2] or 'mp4'}")
            path.write_bytes(content)
        return gr.FileData(path=str(path))

    def _linked(self, source: Path) -> gr.FileData:
        path = self._room(source.name, LINKED)
        try:
            os.link(source.resolve(), path)
        except OSError:  # another disk
            shutil.copyfile(source, path)
        return gr.FileData(path=str(path))


class Tools:
    """The tools with what they share.

    Args:
        api: what they call.
        clips: where clips come from.
        has_app: the app is served beside, and files can be downloaded from it.
    """

    def __init__(self, api: Api, clips: Clips, *, has_app: bool = True) -> None:
        self._api, self._clips, self._has_app = api, clips, has_app

    async def ask(
        self,
        ctx: Context[Any, Any],
        video: str,
        instruction: str,
        frames: int = 0,
        temperature: float = 0.0,
        seed: int = 0,
        start: int = 0,
        stop: int = 0,
        guess: bool = False,
    ) -> dict[str, Any]:
        """Segment what an instruction describes: think, pick the keyframe, box the target, follow it.

        Args:
            ctx: the call.
            video: the clip, as a path or as data:video/mp4;base64,...
            instruction: what to look for, such as "the person who enters last".
            frames: how many frames the policy sees; 0 is its own number.
            temperature: 0 decodes greedily.
            seed: for temperatures above 0.
            start: first frame to segment.
            stop: frame after the last one to segment; 0 is the end of the clip.
            guess: answer also where the policy was not trained for the question; the answer says "guess" then.
        """
        return await self._told(
            ctx,
            video,
            lambda clip, who: self._api.ask(clip, instruction, frames, temperature, seed, start, stop, guess, who),
        )

    async def answers(
        self,
        ctx: Context[Any, Any],
        video: str,
        instruction: str,
        count: int = 4,
        temperature: float = 0.8,
        seed: int = 0,
        guess: bool = False,
    ) -> dict[str, Any]:
        """Answer one question several times, and tell how far the answers agree; no masks are made.

        Args:
            ctx: the call.
            video: the clip, as a path or as data:video/mp4;base64,...
            instruction: what to look for.
            count: how many answers.
            temperature: of all but the first answer, which is greedy.
            seed: of the second answer; later ones count up.
            guess: as for `ask`.
        """
        return await self._told(
            ctx, video, lambda clip, who: self._api.answers(clip, instruction, count, temperature, seed, guess, who)
        )

    async def track(
        self, ctx: Context[Any, Any], video: str, prompts: list[dict[str, Any]], start: int = 0, stop: int = 0
    ) -> dict[str, Any]:
        """Follow objects that are boxed or clicked by hand.

        Args:
            ctx: the call.
            video: the clip, as a path or as data:video/mp4;base64,...
            prompts: one a box or click: {"object": 1, "frame": 0, "box": [x1, y1, x2, y2]} or {"object": 1, "frame": 0,
                "point": [x, y], "positive": true}.
            start: first frame to segment.
            stop: frame after the last one to segment; 0 is the end of the clip.
        """
        return await self._told(ctx, video, lambda clip, who: self._api.track(clip, prompts, start, stop, who))

    async def export(self, run: str, form: Literal["palette", "rle"] = "rle") -> dict[str, Any]:
        """Return the masks of an earlier call.

        Args:
            run: the "run" of its result; the last results are kept for a while.
            form: "rle" is COCO's run-length code by frame and object; "palette" is a ZIP with a palette PNG a frame,
                whose pixels are object ids, in base64.
        """
        try:
            file = await anyio.to_thread.run_sync(self._api.export, run, form)
        except gr.Error as error:
            raise ToolError(str(error.message)) from error
        content = Path(file.path).read_bytes()
        where = {"download": f"gradio_api/file={file.path}"} if self._has_app else {"path": file.path}
        place = {"name": Path(file.path).name, **where}
        if form == "rle":
            return {**place, "masks": content.decode()}
        return {**place, "base64": base64.b64encode(content).decode()}

    async def _told(
        self, ctx: Context[Any, Any], video: str, call: Callable[[gr.FileData, gr.Request | None], Iterator[ApiEvent]]
    ) -> dict[str, Any]:
        """Tell the events of a call as progress, and return its result."""
        try:
            clip = await anyio.to_thread.run_sync(self._clips.file, video)
            result: dict[str, Any] = {}
            request = ctx.request_context.request
            who = None if request is None else gr.Request(request)  # over standard input nobody else asks
            with closing(call(clip, who)) as events:  # type: ignore[type-var]  # a generator
                number = 0
                while (event := await anyio.to_thread.run_sync(next, events, None)) is not None:
                    if event["kind"] == "result":
                        result = event
                    else:
                        number += 1
                        await ctx.report_progress(number, message=_words(event))
        except gr.Error as error:
            raise ToolError(str(error.message)) from error
        except VeasonError as error:
            raise ToolError(str(error)) from error
        masks = result.pop("masks", None)
        return result if masks is None else {**result, "frames_with_masks": _counted(masks)}


def make_server(tools: Tools) -> MCPServer[Any]:
    """Return the server with its tools."""
    server: MCPServer[Any] = MCPServer(
        "veason", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING", subscriptions=False
    )
    for tool in (tools.ask, tools.answers, tools.track, tools.export):
        server.add_tool(tool, structured_output=True)
    return server


def serve_stdio(pipeline: Pipeline) -> None:
    """Offer the tools to the program that started this one, over standard input and output, until it ends.

    Clips may be paths of this machine.
    """
    outbox = Outbox()
    os.environ["GRADIO_TEMP_DIR"] = str(outbox.uploads)  # gradio knows no other way to be told
    error_formatter = ErrorFormatter((), is_public=False)
    api = Api(ModelChoice(pipeline, words=error_formatter.words), ModelLine(), outbox, error_formatter, limits=ANY)
    try:
        anyio.run(make_server(Tools(api, Clips(outbox, is_local=True), has_app=False)).run_stdio_async)
    finally:
        outbox.close()


def application(server: MCPServer[Any]) -> App:
    """Return the server as an application; whose requests come, `OriginGuard` and `SignIn` have asked before."""
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    made: App = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        max_request_body_size=MOST_BODY,
        transport_security=security,
    )
    return made


class ToolPages:
    """Hands what is for the tools to their server, and everything else on.

    Args:
        app: what comes behind.
        tools: the server of the tools as an application.
    """

    def __init__(self, app: App, *, tools: App) -> None:
        self._app, self._tools = app, tools

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        is_tool = scope["type"] == "http" and scope["path"].rstrip("/") == PATH
        await (self._tools if is_tool else self._app)(scope, receive, send)


def running(server: MCPServer[Any]) -> Callable[[Any], Any]:
    """Return what keeps the server of the tools running as long as the app does."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    return lifespan


def _words(event: ApiEvent) -> str:
    match event["kind"]:
        case "thought":
            return str(event["text"])
        case "masks":
            return f"masks of frame {event['frame']}"
        case "box":
            return f"box of object {event['object']}: {event['box']}"
        case "keyframe":
            return f"keyframe {event['frame']}"
        case kind:
            return str(kind)


def _counted(masks: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Return on how many frames each object has a mask."""
    counts: dict[str, int] = {}
    for found in masks.values():
        for object_id in found:
            counts[object_id] = counts.get(object_id, 0) + 1
    return counts

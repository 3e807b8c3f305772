"""The welcome page as it is seen at once: its own markup stands in the page, before any script of gradio's has come.

On a slow line the scripts take seconds. Until then what lies over the page shows the same welcome, and keeps the clip
or the example that a visitor chooses; the page's own script (`welcome/skeleton.js`) takes the choice over and the layer
away. Where that script does not come, it says so.
"""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from veason.studio.server.guard import App, AsgiScope, Receive, Send
from veason.studio.server.messages.about import ExamplePart

LAYER = "veason-skeleton"
"""The id of the layer, by which the page's script finds it."""

PLACE, HEAD = b"<gradio-app", b"</head>"
"""What is in gradio's page where the layer, and where the preload, is put before it."""

SKELETON_STYLES = ("core/theme", "core/controls", "header/header", "welcome/welcome")
"""The style sheets that the welcome page needs."""

SMALL_SIDE = 24
"""The longer side of a picture that stands in for another one, in pixels."""

_WELCOME = re.compile(r'<section class="v-welcome".*?</section>', re.DOTALL)
_METER = re.compile(r'<span class="v-meter.*?</span>', re.DOTALL)
_RESUME = '<span data-ref="resumeText"></span>'
_REFERENCE = re.compile(r' data-ref="[^"]*"')
_REMARK = re.compile(r"/\*.*?\*/", re.DOTALL)
_BETWEEN = re.compile(r"\s+")

_LOOK = (
    f"#{LAYER} {{ position: fixed; inset: 0; z-index: 60; overflow: auto; }} "
    f"#{LAYER} .v-head {{ min-height: 56px; }} #{LAYER} .v-resume {{ visibility: hidden; }}"
    ".v-app.v-failed { position: fixed; z-index: 61; left: 50%; bottom: 22px; transform: translateX(-50%); "
    "display: flex; gap: 14px; align-items: center; width: max-content; max-width: calc(100vw - 32px); min-height: 0; "
    "box-sizing: border-box; "
    "padding: 11px 14px; border: 1px solid; border-radius: var(--r); color: var(--bad); background: var(--bad-bg); }"
)
"""Nothing moves once the page itself is there: what it has besides has its room already."""

# Before anything is drawn, as gradio will decide it.
_COLOURS = """
const theme = new URL(location.href).searchParams.get("__theme");
const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
if (isDark) document.body.classList.add("dark");
"""

PATIENCE_S = 30
"""Seconds without the page's own script after which somebody is told."""

# Told too early or for nothing, it goes away with the layer. Only the server's own scripts count: gradio asks for some
# that a machine without the internet does not get, and works without them.
_FAILURE = f"""
window.veasonFailed = () => {{
  if (document.querySelector(".v-failed")) return;
  const told = document.createElement("span");
  told.textContent = "This page has not come whole. Look at your connection and load it again: what was saved is safe.";
  const again = document.createElement("button");
  again.className = "v-btn";
  again.textContent = "Reload";
  again.onclick = () => location.reload();
  const box = document.createElement("div");
  box.className = "v-app v-failed";
  box.setAttribute("role", "alert");
  box.append(told, again);
  document.body.append(box);
}};
setTimeout(() => window.veasonFailed?.(), {PATIENCE_S * 1000});
addEventListener("error", ({{ target }}) => {{
  if (target instanceof HTMLScriptElement && target.src.startsWith(location.origin)) window.veasonFailed?.();
}}, true);
addEventListener("unhandledrejection", ({{ reason }}) => {{
  if (reason instanceof TypeError && /import/i.test(reason.message)) window.veasonFailed?.();
}});
"""

# The choice is kept as `veasonChoice`: the place of an example, or a file. Keys are not to reach what lies behind.
_SCRIPT = f"""
(() => {{
  const layer = document.getElementById("{LAYER}");
  const asked = new URL(location.href).searchParams;
  if (asked.get("work") || asked.get("queue")) return layer.remove();
  addEventListener("DOMContentLoaded", () => {{
    const page = document.querySelector("gradio-app");
    if (page && layer.isConnected) page.inert = true;
  }});
  const told = layer.querySelector(".v-drop > span:not(.v-drop-sign)");
  told.setAttribute("role", "status");
  const keep = (choice, name) => {{
    window.veasonChoice = choice;
    told.textContent = "Opening " + name + " …";
  }};
  const take = (file) => file && keep({{ file }}, file.name);
  layer.addEventListener("click", (event) => {{
    const tile = event.target.closest("[data-place]");
    if (tile) keep({{ example: Number(tile.dataset.place) }}, tile.querySelector("b").textContent);
  }});
  layer.querySelector("input").addEventListener("change", (event) => take(event.target.files[0]));
  layer.addEventListener("dragover", (event) => event.preventDefault());
  layer.addEventListener("drop", (event) => {{
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  }});
}})();
"""


class Skeleton:
    """Puts the layer into the page; everything else is handed on as it is.

    Args:
        app: what comes behind.
        layer: from `layer`.
        preload: the address of the page's modules, which are fetched from the start.
    """

    def __init__(self, app: App, *, layer: str, preload: str) -> None:
        self._app, self._layer = app, layer.encode()
        self._preload = f'<link rel="preload" href="{preload}" as="fetch" crossorigin="anonymous">'.encode()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or scope["path"] not in ("", "/") or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        content = bytearray()

        async def gather(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            content.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = self._with_layer(bytes(content)) if start["status"] == 200 else bytes(content)
            kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            start["headers"] = [*kept, (b"content-length", str(len(whole)).encode())]
            await send(start)
            await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, gather)

    def _with_layer(self, page: bytes) -> bytes:
        page = page.replace(HEAD, self._preload + HEAD, 1)
        return page.replace(PLACE, self._layer + PLACE, 1)


def layer(markup: str, styles: Sequence[str], cards: Sequence[tuple[ExamplePart, bytes]]) -> str:
    """Return the layer's markup, styles and script.

    Args:
        markup: of the whole page, of which the welcome page is taken.
        styles: the texts of `SKELETON_STYLES`.
        cards: of the examples, each with a very small JPEG that stands in for its picture.

    Raises:
        ValueError: the markup has no welcome page.
    """
    found = _WELCOME.search(markup)
    if found is None:
        raise ValueError("the page's markup has no section of class v-welcome")
    welcome = _REFERENCE.sub("", _METER.sub("", found[0]).replace(_RESUME, "&nbsp;"))
    welcome = welcome.replace("<small></small>", "<small>&nbsp;</small>")
    tiles = "".join(_tile(card, picture) for card, picture in cards)
    welcome = welcome.replace('<div class="v-cards"></div>', f'<div class="v-cards">{tiles}</div>')
    look = _BETWEEN.sub(" ", _REMARK.sub("", "\n".join((*styles, _LOOK))))
    head = '<header class="v-head"><span class="v-logo">Vea<i>son</i></span></header>'
    before = f"<style>{look}</style><script>{{{_COLOURS}}}</script>"
    return f'{before}<div class="v-app" id="{LAYER}">{head}{welcome}<script>{_FAILURE}{_SCRIPT}</script></div>'


def small_picture(path: Path) -> bytes:
    """Return a JPEG of some 400 bytes that stands in for a picture until that has come."""
    with Image.open(path) as picture, io.BytesIO() as file:
        picture.thumbnail((SMALL_SIDE, SMALL_SIDE))
        picture.save(file, "JPEG", quality=30, optimize=True)
        return file.getvalue()


def _tile(card: ExamplePart, picture: bytes) -> str:
    shown = f"data:image/jpeg;base64,{b64encode(picture).decode()}"
    return (
        f'<button type="button" class="v-tile" data-place="{card.place}"><img src="{shown}" alt="">'
        f"<span><b>{escape(card.title)}</b><small>{card.frames} frames</small></span></button>"
    )

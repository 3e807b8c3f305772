"""The welcome page that is seen before the scripts have come: it stands in gradio's page, and nowhere else."""

import asyncio
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from veason.studio.server.messages.about import ExamplePart
from veason.studio.server.page import WEB, template
from veason.studio.server.skeleton import LAYER, PLACE, SKELETON_STYLES, Skeleton, layer, small_picture

CARD = ExamplePart(
    place=3,
    title="Who <i> comes?",
    file="a.mp4",
    instructions=(),
    rendered=True,
    picture="a.jpg",
    frames=24,
    seconds=1.0,
)
PAGE = b"<html><head></head><body><gradio-app></gradio-app></body></html>"


@pytest.fixture
def markup(tmp_path: Path) -> str:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.full((90, 160, 3), 120, np.uint8)).save(path)
    styles = [(WEB / f"{name}.css").read_text("utf-8") for name in SKELETON_STYLES]
    return layer(template(), styles, [(CARD, small_picture(path))])


def answer(markup: str, *, path: str = "/", status: int = 200, parts: tuple[bytes, ...] = (PAGE,)) -> tuple[Any, bytes]:
    """Return the headers and the body that a visitor gets."""

    async def inner(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html"), (b"Content-Length", str(sum(map(len, parts))).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": number + 1 < len(parts)})

    sent: list[MutableMapping[str, Any]] = []

    async def keep(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def nothing() -> MutableMapping[str, Any]:
        return {}

    scope = {"type": "http", "method": "GET", "path": path}
    asyncio.run(Skeleton(inner, layer=markup, preload="modules.json")(scope, nothing, keep))
    return dict(sent[0]["headers"]), b"".join(one["body"] for one in sent[1:])


def test_gradios_own_page_has_the_places_where_it_is_put() -> None:
    import gradio

    page = (Path(gradio.__file__).parent / "templates" / "frontend" / "index.html").read_bytes()
    assert (page.count(PLACE), page.count(b"</head>")) == (1, 1)


@pytest.mark.parametrize("parts", [(PAGE,), (PAGE[:30], PAGE[30:])], ids=["whole", "in parts"])
def test_the_page_begins_with_it_and_says_its_own_length(markup: str, parts: tuple[bytes, ...]) -> None:
    headers, body = answer(markup, parts=parts)
    assert int(headers[b"content-length"]) == len(body)
    assert b"Content-Length" not in headers
    assert body.index(f'id="{LAYER}"'.encode()) < body.index(PLACE)
    assert body.index(b'href="modules.json"') < body.index(b"</head>")


@pytest.mark.parametrize(("path", "status"), [("/config", 200), ("/", 401)])
def test_everything_else_stays_as_it_is(markup: str, path: str, status: int) -> None:
    assert answer(markup, path=path, status=status)[1] == PAGE


def test_it_is_the_welcome_page_without_what_only_its_script_can_use(markup: str) -> None:
    assert "Say what you see." in markup
    assert "Who &lt;i&gt; comes?" in markup
    assert 'data-place="3"' in markup
    assert "data-ref" not in markup.partition("</style>")[2]
    assert "v-meter v-busy" not in markup
    assert len(re.findall("<input", markup)) == 1
    assert len(markup) < 24_000, "it is to come before anything else"


def test_a_page_without_a_welcome_is_an_error() -> None:
    with pytest.raises(ValueError, match="v-welcome"):
        layer("<div></div>", [], [])

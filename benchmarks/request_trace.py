"""Follow requests of the studio through the code of a checkout: which modules they visit, in which order.

    PYTHONPATH=CHECKOUT python benchmarks/request_trace.py     # prints JSON; `structure.py` runs this for two checkouts

The app itself is started (`veason serve`, embedded segmenter, recorded answers) on a project in a temporary folder, up
to the moment when gradio would listen. Then the listeners that gradio would call are called with what the page would
send: an example is opened, a box is drawn, its masks are propagated, the box is moved (the *edit*), and the masks are
propagated again (the *request for masks*).

A function counts when it is entered for the first time, as somebody who reads along opens it once; so neither the
number of frames nor that of objects matters. Functions of one module entered one after another are one *stay*; a stay
in a module that was left before is a *return*. Left out, the same on both sides: dunder methods (values that check
themselves), comprehensions, and what lies below the segmenter, the video reader, the policy and the device, each of
which counts as one module. The page's JavaScript is not followed.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

DOORS = ("segmenter", "video", "policy", "device")
"""Parts of the package whose inside is not followed."""

FRAMES = 12


class Trail:
    """The modules of a package in the order in which their functions were first entered."""

    def __init__(self, package: Path) -> None:
        """Take the folder of the package."""
        self._package = package
        self._entered: set[CodeType] = set()
        self.path: list[str] = []

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Note one call; the signature is that of `sys.setprofile`."""
        code = frame.f_code
        if event != "call" or code in self._entered or code.co_name.startswith(("__", "<")):
            return
        file = Path(code.co_filename)
        if not file.is_relative_to(self._package):
            return
        self._entered.add(code)
        parts = file.relative_to(self._package).with_suffix("").parts
        module = parts[0] if parts[0] in DOORS else ".".join(parts).removesuffix(".__init__")
        if not self.path or self.path[-1] != module:
            self.path.append(module)


def counted(path: list[str]) -> dict[str, Any]:
    """Return how many stays, modules and returns a path has, and the path."""
    return {"stays": len(path), "modules": len(set(path)), "returns": len(path) - len(set(path)), "path": path}


@contextlib.contextmanager
def following(trail: Trail) -> Iterator[None]:
    """Follow the calls of this thread, and of every thread that starts meanwhile."""
    threading.setprofile(trail)
    sys.setprofile(trail)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def listeners(page: Any) -> dict[str, Callable[..., Iterator[dict[str, Any]]]]:
    """Return what gradio calls, by the name of the page's event."""
    return {event: one.fn for one in page.fns.values() for _, event in one.targets}


def drive(page: Any) -> dict[str, Any]:
    """Send the page's events to its listeners and return what the edit and the request for masks visited."""
    import gradio as gr

    import veason

    handle = listeners(page)
    request = gr.Request()

    def send(event: str, **data: Any) -> Iterator[dict[str, Any]]:
        sent = gr.EventData(None, {"tab": "reader", **data})
        takes = len(inspect.signature(handle[event]).parameters)  # before people could sign in: the data alone
        for message in handle[event](*(sent, request)[:takes]):
            yield from message["items"] if event != "open" else [message]

    work = next(send("open", example=0))["work"]
    box = {"work": work, "edit": "box", "object": 0, "frame": 3, "xyxy": [10, 10, 60, 60], "stamp": 1, "number": 1}
    asked = {"work": work, "start": 0, "stop": FRAMES}
    for _ in (*send("edit", **box), *send("propagate", **asked, only=None)):
        pass  # what is loaded or made once is no part of a request

    edit, masks, until_shown = Trail(Path(veason.__file__).parent), Trail(Path(veason.__file__).parent), []
    with following(edit):
        items = list(send("edit", **{**box, "object": 1, "xyxy": [12, 10, 62, 60], "stamp": 2, "number": 2}))
    expect("taken", items)
    items = []
    with following(masks):
        for item in send("propagate", **asked, only="stale", object=1, frame=3, after=2):
            items.append(item)
            if item["kind"] == "masks" and not until_shown:
                until_shown = list(masks.path)
    expect("masks", items)
    return {"edit": counted(edit.path), "first_mask": counted(until_shown), "all_masks": counted(masks.path)}


def expect(kind: str, items: list[dict[str, Any]]) -> None:
    """End the run where an answer holds no item of a kind: a refusal would be followed as if it were the work."""
    if kind not in (one["kind"] for one in items):
        raise SystemExit(f"the server did not answer with {kind!r}: {items}")


def main() -> None:
    import gradio as gr

    from veason.cli import main as veason

    found: dict[str, Any] = {}

    def instead_of_listening(page: Any, **_: object) -> None:
        found.update(drive(page))

    gr.Blocks.launch = instead_of_listening
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
        veason(
            ["serve", "--project", f"{folder}/labels", "--policy", "scripted", "--segmenter", "nano", "--device", "cpu"]
        )
    if not found:
        raise SystemExit(f"the app did not come up: {said.getvalue()}")
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()

"""Page events -> Work. Generators yield messages `{work, revision, items}`; the page applies items in order.

A message with a gap before its revision makes the page ask for a snapshot, so that nothing is lost when the browser
drops an update.
"""

from __future__ import annotations

import functools
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder, is_in_or_equal

from veason.errors import ExportError, SessionError, VeasonError
from veason.outputs import Run, write_json, write_overlay, write_palette_masks
from veason.pipeline import FramesShown, Pipeline, prompts_from_answer, starting_range
from veason.profile import sample_indices
from veason.project.state import Marked
from veason.session import Asked, DropPrompt, GotAnswer, GotMasks, PutPrompt, Tracked
from veason.types import (
    Answered,
    BoxClosed,
    FrameMasks,
    FrameMention,
    FrameRange,
    KeyframeChosen,
    Prompt,
    Turn,
    Unanswered,
)
from veason.ui import payload as read
from veason.ui import render
from veason.ui.correct import absent_masks, correction_turn, fixed_masks, range_with_prompts
from veason.ui.examples import Example
from veason.ui.render import Item
from veason.ui.store import Store, Work
from veason.ui.trail import begin
from veason.video import open_video

BATCH_S = 0.05
"""Updates are gathered for this long: gradio renders no faster, and a browser that is fed faster falls behind."""

Message = dict[str, Any]


def message(work: Work | None, *items: Item) -> Message:
    """Return one message to the page."""
    if work is None:
        return {"work": None, "revision": 0, "items": list(items)}
    return {"work": work.id, "revision": work.next_revision(), "items": list(items)}


def told(handler: Callable[[Desk, Any], Iterator[Message]]) -> Callable[[Desk, Any], Iterator[Message]]:
    """Show a VeasonError as a notice on the page; anything else fails loudly."""

    @functools.wraps(handler)
    def guarded(desk: Desk, data: Any) -> Iterator[Message]:
        try:
            yield from handler(desk, data)
        except VeasonError as error:
            yield message(None, render.notice(str(error)), {"kind": "idle"})

    return guarded


class Desk:
    """The handlers with what they share: the models, the store and the examples."""

    def __init__(self, pipeline: Pipeline, store: Store, examples: list[Example]) -> None:
        self.pipeline = pipeline
        self.store = store
        self.examples = examples

    @property
    def frame_count(self) -> int:
        """How many frames the policy wants to see."""
        return self.pipeline.policy.frame_count if self.pipeline.policy is not None else 8

    @told
    def open(self, data: Any) -> Iterator[Message]:
        """Open an example (`{"example": place}`) or an upload (`{"path": ..., "name": ...}`)."""
        folder = self.store.new_folder()
        try:
            path, title = self._place_video(data, folder)
            video = open_video(path)
        except VeasonError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        info = video.info
        work = Work(folder.name, folder, title, video, begin(info.num_frames), starting_range(info, 0))
        self.store.add(work)
        shown = {"kind": "shown", "frames": list(sample_indices(info.num_frames, self.frame_count))}
        told = render.opened(work, self.frame_count), render.pace(self.pipeline.segmenter), shown
        yield message(work, *told, render.session_state(work))

    def snapshot(self, work: Work) -> Message:
        """Return everything the page needs to show a work again, after a refresh or a lost update."""
        session = work.history.now
        shown = session.shown or sample_indices(session.num_frames, self.frame_count)
        return message(
            work,
            render.opened(work, self.frame_count),
            render.pace(self.pipeline.segmenter),
            {"kind": "shown", "frames": list(shown)},
            render.recalled(work),
            render.session_state(work),
            render.all_masks(session),
            render.doubts(session),
            render.findings(session),
            {"kind": "busy" if work.is_running else "idle"},
        )

    def _place_video(self, data: Any, folder: Path) -> tuple[Path, str]:
        if isinstance(data, dict) and "example" in data:
            place = read.whole_number(data, "example")
            if not 0 <= place < len(self.examples):
                raise SessionError(f"there is no example {place}")
            return self.examples[place].path, self.examples[place].path.name
        source = Path(read.short_text(data, "path", 4000))
        if not is_in_or_equal(source, get_upload_folder()) or not source.is_file():
            raise SessionError("that file was not uploaded here: please choose it again")
        return Path(shutil.move(source, folder / f"video{source.suffix}")), Path(read.short_text(data, "name")).name

    @told
    def think(self, data: Any) -> Iterator[Message]:
        """Stream the reasoning about `{"work", "instruction"}`; `"again"` sends the visitor's correction along."""
        work = self.store.get(data.get("work"))
        instruction = read.short_text(data, "instruction")
        shown = sample_indices(work.video.info.num_frames, self.frame_count)
        turns: tuple[Turn, ...] = ()
        if data.get("again") is True and self.pipeline.policy is not None:
            turn, shown = correction_turn(work, self.pipeline.policy.profile)
            turns = (turn,)
        with work.job():
            work.record(Asked(instruction, shown))
            work.failure, work.answered, work.mentions = "", None, []
            yield message(work, {"kind": "thinking"}, render.session_state(work), render.all_masks(work.history.now))
            yield from self._in_batches(work, self._thoughts(work, instruction, shown, turns))
            yield message(work, render.session_state(work), render.findings(work.history.now), {"kind": "idle"})

    def _thoughts(
        self, work: Work, instruction: str, shown: tuple[int, ...], turns: tuple[Turn, ...]
    ) -> Iterator[Item]:
        keyframe = None
        for event in self.pipeline.think(work.video, instruction, shown=shown, turns=turns):
            item = render.policy_event(event)
            if isinstance(event, Answered):
                work.follow(GotAnswer(event.answer, prompts_from_answer(event.answer)))
                work.frames = starting_range(work.video.info, event.answer.keyframe or 0)
                yield {"kind": "range", "range": list(work.frames)}
                work.answered = item
            elif isinstance(event, Unanswered):
                work.failure = event.text
            elif isinstance(event, KeyframeChosen):
                keyframe = event.frame_index
            elif isinstance(event, BoxClosed) and keyframe is not None:
                _keep_box(work, event, keyframe)
            elif isinstance(event, FrameMention):
                work.mentions.append(item)
            if not isinstance(event, FramesShown):
                yield item

    @told
    def edit(self, data: Any) -> Iterator[Message]:
        """Apply one edit: a box, a deletion, a mark, a name, another keyframe, undo or redo."""
        work = self.store.get(data.get("work"))
        work.stop()
        if data.get("edit") in ("undo", "redo"):
            work.step(forward=data["edit"] == "redo")
            yield message(work, render.session_state(work), render.all_masks(work.history.now))
            return
        edit = read.edit(data, work.history.now, work.video.info.size_wh)
        work.record(edit)
        if isinstance(edit, Marked) and edit.kind == "absent":
            for emptied in absent_masks(work, edit):
                work.follow(emptied)
        items = [render.session_state(work)]
        if data["edit"] in ("drop", "absent"):
            items.append(render.all_masks(work.history.now))
        elif data["edit"] in ("box", "click", "keyframe") and not work.frames[0] <= data["frame"] < work.frames[1]:
            work.frames = starting_range(work.video.info, data["frame"])
            items.append({"kind": "range", "range": list(work.frames)})
        yield message(work, *items)

    @told
    def propagate(self, data: Any) -> Iterator[Message]:
        """Stream masks of `{"work", "start", "stop"}`; `"only"` limits it to objects whose prompts changed."""
        work = self.store.get(data.get("work"))
        frames = read.frame_range(data, work.video.info.num_frames)
        with work.job():
            session = work.history.now
            scene = work.history.scene
            asked = session.stale if data.get("only") == "stale" and session.stale else set(session.object_ids)
            wanted = asked - scene.locked
            prompts = [prompt for prompt in session.prompts.values() if prompt.object_id in wanted]
            work.frames = frames
            yield message(
                work, {"kind": "propagating", "start": frames[0], "stop": frames[1], "objects": sorted(wanted)}
            )
            span = range_with_prompts(prompts, frames)
            arriving = self.pipeline.propagate(work.video, prompts, fixed=fixed_masks(scene.state), frames=span)
            yield from self._in_batches(work, self._masks(work, arriving, frames))
            if not work.is_stopping:
                work.follow(Tracked(frozenset(wanted)))
            now = work.history.now
            told = (
                render.session_state(work),
                render.doubts(now),
                render.findings(now),
                render.pace(self.pipeline.segmenter),
            )
            yield message(work, *told, {"kind": "idle"})

    def _masks(self, work: Work, arriving: Iterator[FrameMasks], frames: FrameRange) -> Iterator[Item]:
        for frame_masks in arriving:
            if not frames[0] <= frame_masks.frame_index < frames[1]:  # on the way from a prompt outside the range
                continue
            work.follow(GotMasks(frame_masks))
            yield render.new_masks([frame_masks])

    def _in_batches(self, work: Work, items: Iterator[Item]) -> Iterator[Message]:
        """Gather items for BATCH_S before they are sent; end early when the visitor stops."""
        batch: list[Item] = []
        sent = 0.0
        try:
            for item in items:
                batch.append(item)
                if work.is_stopping:
                    break
                if time.monotonic() - sent > BATCH_S:
                    yield message(work, *batch)
                    batch, sent = [], time.monotonic()
        finally:
            items.close()  # type: ignore[attr-defined]  # every caller passes a generator
        if batch:
            yield message(work, *batch)

    @told
    def export(self, data: Any) -> Iterator[Message]:
        """Write `{"work", "what": "masks" | "overlay" | "json"}` and send its link."""
        work = self.store.get(data.get("work"))
        what = read.short_text(data, "what", 20)
        if not work.history.now.tracks:
            raise ExportError("there are no masks yet: propagate first")
        writers = {"masks": self._export_masks, "overlay": self._export_overlay, "json": self._export_json}
        if what not in writers:
            raise ExportError(f"unknown export {what!r}: choose one of {', '.join(writers)}")
        path = writers[what](work, Path(work.title).stem)
        yield message(work, {"kind": "file", "path": str(path), "name": path.name})

    def _run(self, work: Work) -> Run:
        session = work.history.now
        policy = self.pipeline.policy.name if self.pipeline.policy is not None else None
        run = Run(work.video.info, self.pipeline.segmenter.name, policy, session.instruction)
        run.shown, run.answer, run.text, run.tracks = session.shown, session.answer, work.failure, session.tracks
        return run

    def _export_masks(self, work: Work, name: str) -> Path:
        folder = work.folder / "masks" / "Annotations" / name
        shutil.rmtree(work.folder / "masks", ignore_errors=True)
        write_palette_masks(work.history.now.tracks, work.video.info, folder)
        path = work.folder / f"{name}-masks.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.relative_to(work.folder / "masks"))
        return path

    def _export_overlay(self, work: Work, name: str) -> Path:
        path = work.folder / f"{name}-overlay.mp4"
        write_overlay(work.video, work.history.now.tracks, path)
        return path

    def _export_json(self, work: Work, name: str) -> Path:
        path = work.folder / f"{name}-result.json"
        write_json(self._run(work).record(), path)
        return path


def _keep_box(work: Work, event: BoxClosed, keyframe: int) -> None:
    """Make a box a prompt as soon as it closes, so that it can be dragged while the text still streams."""
    if event.number == 0:  # the policy began its list (anew)
        for object_id, frame_index in tuple(work.history.now.prompts):
            work.follow(DropPrompt(object_id, frame_index))
    work.follow(PutPrompt(Prompt(event.number + 1, keyframe, box=event.box)))

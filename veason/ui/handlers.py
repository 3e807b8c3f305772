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
from veason.project.state import Marked, Reasoned
from veason.session import Asked, DropPrompt, GotAnswer, GotMasks, MoveKeyframe, PutPrompt, Tracked
from veason.types import Answer, Answered, BoxClosed, KeyframeChosen, PolicyEvent, Prompt, Turn, Unanswered
from veason.ui import payload as read
from veason.ui import render, spread
from veason.ui.correct import absent_masks, correction_turn, fixed_masks, painted_masks
from veason.ui.examples import Example
from veason.ui.render import Item
from veason.ui.samples import COUNTS, Gathering, samplings
from veason.ui.spread import Stretch
from veason.ui.store import Store, Work
from veason.ui.trail import Edit, Locked, Named, begin
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
    """Show a VeasonError as a notice on the page, which takes back what it showed of an edit; others fail loudly."""

    @functools.wraps(handler)
    def guarded(desk: Desk, data: Any) -> Iterator[Message]:
        try:
            yield from handler(desk, data)
        except VeasonError as error:
            refused = [{"kind": "refused"}] if handler.__name__ == "edit" else []
            yield message(None, render.notice(str(error)), {"kind": "idle"}, *refused)

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
            render.proposals(work),
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
        count = read.choice(data, "samples", COUNTS) if "samples" in data else 1
        with work.job():
            work.record(Asked(instruction, shown))
            work.failure, work.proposals, work.asked = "", (), count
            begun = {"kind": "thinking"}, render.session_state(work), render.proposals(work)
            yield message(work, *begun, render.all_masks(work.history.now))
            thoughts = self._thoughts(work, instruction, shown, turns, count)
            yield from self._in_batches(work, thoughts)
            if work.history.now.answer is not None:
                work.failure = ""
            told = render.session_state(work), render.recalled(work), render.proposals(work)
            yield message(work, *told, render.findings(work.history.now), {"kind": "idle"})

    def _thoughts(
        self, work: Work, instruction: str, shown: tuple[int, ...], turns: tuple[Turn, ...], count: int
    ) -> Iterator[Item]:
        """Think as often as wanted: the first answer streams, of the others only what they come to is shown."""
        gathering = Gathering()
        for sampling in samplings(count, bool(getattr(self.pipeline.policy, "is_recorded", False))):
            for event in self.pipeline.think(work.video, instruction, shown=shown, turns=turns, sampling=sampling):
                if isinstance(event, FramesShown):
                    continue
                is_first = gathering.number(event) == 0
                if gathering.take(event):
                    if work.history.now.answer is None:
                        yield from self._answer(work, gathering.proposals[-1].answer)
                    work.proposals = tuple(gathering.proposals)
                    if count > 1:
                        yield render.proposals(work)
                if is_first:
                    yield from self._first_thought(work, event)
                if count > 1 and isinstance(event, Answered | Unanswered):
                    yield {"kind": "sampling", "done": gathering.number(event) + 1, "count": count}
            gathering.next_call()

    def _answer(self, work: Work, answer: Answer) -> Iterator[Item]:
        work.follow(GotAnswer(answer, prompts_from_answer(answer)))
        work.frames = starting_range(work.video.info, answer.keyframe or 0)
        yield {"kind": "range", "range": list(work.frames)}

    def _first_thought(self, work: Work, event: PolicyEvent) -> Iterator[Item]:
        if isinstance(event, Unanswered):
            work.failure = event.text
        elif isinstance(event, KeyframeChosen):
            work.keyframe_said = event.frame_index
        elif isinstance(event, BoxClosed) and work.keyframe_said is not None:
            _keep_box(work, event, work.keyframe_said)
        yield render.policy_event(event)

    @told
    def edit(self, data: Any) -> Iterator[Message]:
        """Apply one edit: a box, a deletion, a mark, a name, another keyframe, undo or redo."""
        work = self.store.get(data.get("work"))
        with work.edit_at(data.get("stamp")):
            answer = message(work, *self._edit(work, data))
        yield answer

    def _edit(self, work: Work, data: Any) -> list[Item]:
        if data.get("edit") in ("undo", "redo"):
            work.stop()
            work.step(forward=data["edit"] == "redo", count=read.steps(data))
            return self._everything(work)
        if data.get("edit") == "take":
            edit: Edit = self._taken(work, read.whole_number(data, "number"))
        else:
            edit = read.edit(data, work.history.now, work.video.info.size_wh)
        if changes_masks(edit):
            work.stop()
        edit, *more = spread.around_absent(work.history.scene.state, edit) if isinstance(edit, Marked) else [edit]
        work.record(edit)
        for part in more:
            work.follow(part)
        items: list[Item] = []
        if isinstance(edit, PutPrompt):
            for painted in painted_masks(edit.prompt):
                work.follow(painted)  # the page shows it already
        elif isinstance(edit, Marked) and edit.kind == "absent":
            for emptied in absent_masks(work, edit):
                work.follow(emptied)
        if isinstance(edit, GotAnswer):
            items += self._everything(work)
        elif data["edit"] in ("drop", "absent"):
            items.append(render.all_masks(work.history.now))
        elif isinstance(edit, PutPrompt | MoveKeyframe) and not work.frames[0] <= data["frame"] < work.frames[1]:
            work.frames = starting_range(work.video.info, data["frame"])
            items.append({"kind": "range", "range": list(work.frames)})
        return [render.session_state(work), *items]

    def _taken(self, work: Work, number: int) -> GotAnswer:
        if not 0 <= number < len(work.proposals):
            raise SessionError(f"there is no answer {number + 1}: there are {len(work.proposals)}")
        answer = work.proposals[number].answer
        return GotAnswer(answer, prompts_from_answer(answer))

    def _everything(self, work: Work) -> list[Item]:
        """Return what a step back or another answer may have changed."""
        now = work.history.now
        labels = render.session_state(work), render.recalled(work), render.proposals(work)
        return [*labels, render.all_masks(now), render.doubts(now), render.findings(now)]

    @told
    def propagate(self, data: Any) -> Iterator[Message]:
        """Stream masks of `{"work", "start", "stop", "only", "object", "frame"}`; see `veason.ui.spread.plan`.

        `"after"` is the stamp of an edit that may still be on its way.
        """
        work = self.store.get(data.get("work"))
        frames = read.frame_range(data, work.video.info.num_frames)
        work.await_edit(data.get("after"))
        with work.job():
            scene = work.history.scene
            stretches = spread.plan(scene.state, scene.locked, work.pending, data, frames)
            if data.get("only") != "here":
                work.frames = frames
            yield message(work, render.propagating(stretches, frames, data.get("only")))
            for stretch in stretches:
                yield from self._in_batches(work, self._masks(work, stretch, data))
                if work.is_stopping:
                    break
            work.follow(Tracked(spread.finished(work.history.scene.state, work.pending, stretches)))
            now = work.history.now
            told = (
                render.session_state(work),
                render.doubts(now),
                render.findings(now),
                render.pace(self.pipeline.segmenter),
            )
            yield message(work, *told, {"kind": "idle"})

    def _masks(self, work: Work, stretch: Stretch, data: Any) -> Iterator[Item]:
        state = work.history.scene.state
        frame_index = data.get("frame")
        cursor = functools.partial(int, frame_index) if isinstance(frame_index, int) else None
        arriving = self.pipeline.propagate(
            work.video,
            spread.prompts_of(state, stretch),
            fixed=fixed_masks(state),
            frames=stretch.range,
            order="nearest",
            cursor=cursor,
        )
        for arrived in arriving:
            if work.is_stopping:
                return
            scene = work.history.scene  # as it is by now: what is verified or locked meanwhile stays
            frame_masks = spread.kept(scene.state, scene.locked, stretch, arrived)
            if frame_masks is not None:
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


def changes_masks(edit: Edit) -> bool:
    """Tell whether an edit makes masks that are being computed useless; names, locks and verified marks do not."""
    return not isinstance(edit, Named | Locked | Reasoned) and not (
        isinstance(edit, Marked) and edit.kind == "verified"
    )


def _keep_box(work: Work, event: BoxClosed, keyframe: int) -> None:
    """Make a box a prompt as soon as it closes, so that it can be dragged while the text still streams."""
    if event.number == 0:  # the policy began its list (anew)
        for object_id, frame_index in tuple(work.history.now.prompts):
            work.follow(DropPrompt(object_id, frame_index))
    work.follow(PutPrompt(Prompt(event.number + 1, keyframe, box=event.box)))

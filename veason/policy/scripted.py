"""Recorded answers: replay them with their timing, and record them from a live policy.

The file is JSON, `{"records": [record, ...]}`, or JSONL with one record a line. A record:

    {"instruction": "the red ball",        the text of the question
     "video": "pendulum",                  optional, for people
     "num_frames": 96,                     length of the video
     "shown": [0, 13, 27],                 absolute indices of the frames shown to the policy
     "space_wh": [560, 560],               width and height of the space its boxes are in
     "source_wh": [640, 360],              size of the video's frames
     "turn": 0,                            optional: number of corrections before this answer
     "looks": ["a0b1...", ...],            optional: thumbnail of each shown frame, 8x8 grey bytes in hex
     "keyframe_key": ..., "boxes_key": ..., "labels": ..., "step_marks": ...   optional, where they differ from the
                                           generic profile
     "pieces": [[0.9, "<think>The "], [0.95, "red"], ...]}   seconds since the start, text of one token

A record answers a question about the same video with the same instruction (case, surrounding spaces and dots are
ignored) after the same number of corrections. A policy does not get the name of a video, so the video is recognised by
its length and thumbnails. If several records match, sample 0 is the first of them, sample 1 the second, and so on.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from veason.answer import context_for
from veason.errors import AnswerError, DataError, MissingBackend, PromptError
from veason.policy.pieces import Piece, read_pieces
from veason.policy.prompt import normalize_instruction
from veason.profile import GENERIC, Profile
from veason.types import Frame, PolicyEvent, Sampling, Turn

THUMBNAIL_SIDE = 8
THUMBNAIL_TOLERANCE = 8.0
"""Largest mean difference of grey levels between thumbnails of the same frame. Different clips differ by 20 or more."""

_PROFILE_KEYS = ("keyframe_key", "boxes_key", "labels", "step_marks")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded answer; see the module's docstring for the fields. `profile` has the keys, labels and box space."""

    instruction: str
    num_frames: int
    shown: tuple[int, ...]
    source_wh: tuple[int, int]
    profile: Profile
    pieces: tuple[Piece, ...]
    video: str = ""
    turn: int = 0
    thumbnails: tuple[str, ...] = ()

    def matches_video(self, frames: Sequence[Frame], num_frames: int) -> bool:
        """Tell whether `frames` come from the recorded video, judged by its length and thumbnails."""
        if num_frames != self.num_frames:
            return False
        if not self.thumbnails:
            return True
        wanted = dict(zip(self.shown, self.thumbnails, strict=True))
        pairs = [(thumbnail_of(frame), wanted[frame.index]) for frame in frames if frame.index in wanted]
        return bool(pairs) and sum(_thumbnail_distance(*pair) for pair in pairs) / len(pairs) <= THUMBNAIL_TOLERANCE


class RecordablePolicy(Protocol):
    """The part of a policy that `record_answer` needs: its profile and the raw text while it is written."""

    @property
    def profile(self) -> Profile:
        """The policy's frame size, labels and answer keys."""

    def write(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
        sample: int = 0,
    ) -> Generator[Piece, None, None]:
        """Yield the raw text of one sample."""


class ScriptedPolicy:
    """A policy that replays recorded answers with their timing.

    Args:
        path: a recordings file, see the module's docstring.
        speed: replay speed; 2 is twice as fast, 0 does not wait.
        wait: called with the seconds to wait before a piece. A true result ends the text there, so the `wait` of a
            `threading.Event` makes a replay that other threads can stop.

    Raises:
        MissingBackend: there is no such file.
        DataError: the file is not a recordings file.
    """

    name = "scripted"
    is_recorded = True

    def __init__(self, path: str | Path, *, speed: float = 1.0, wait: Callable[[float], object] = time.sleep) -> None:
        self.recordings = load_recordings(Path(path))
        self.profile = dataclasses.replace(
            self.recordings[0].profile,
            name="recorded answers",
            frame_count=max(len(recording.shown) for recording in self.recordings),
        )
        self._speed = speed
        self._wait = wait

    @property
    def frame_count(self) -> int:
        """The largest number of frames shown for a recorded answer."""
        return self.profile.frame_count

    @property
    def can_sample(self) -> bool:
        """Whether some question has more than one recorded answer."""
        asked = [(one.video, one.num_frames, one.instruction, one.turn) for one in self.recordings]
        return len(set(asked)) < len(asked)

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return (): recordings are limited to instructions, not to words."""
        return ()

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield the events of the recorded answers. Their `Speed` is that of the recorded model.

        Raises:
            PromptError: there are no frames.
            AnswerError: nothing is recorded for this question; the message lists what is.
        """
        if not frames:
            raise PromptError("the policy was given no frames: show it at least one")
        matching = self._find(frames, instruction, num_frames, len(turns))
        height, width = frames[0].image.shape[:2]
        for sample in range(sampling.num_samples):
            recording = matching[sample % len(matching)]
            context = context_for(
                recording.profile, recording.shown, num_frames=num_frames, source_wh=(width, height), fps=fps
            )
            with closing(read_pieces(self._replay(recording), context, sample)) as events:
                yield from events

    def _find(self, frames: Sequence[Frame], instruction: str, num_frames: int, turn: int) -> list[Recording]:
        same_video = [recording for recording in self.recordings if recording.matches_video(frames, num_frames)]
        wanted = (normalize_instruction(instruction), turn)
        matching = [
            recording
            for recording in same_video
            if (normalize_instruction(recording.instruction), recording.turn) == wanted
        ]
        if matching:
            return matching
        if not same_video:
            videos = ", ".join(dict.fromkeys(f"{it.video or '?'} ({it.num_frames} frames)" for it in self.recordings))
            raise AnswerError(
                f"no answers are recorded for this video of {num_frames} frames, only for {videos}: draw a box "
                "by hand, or use a live policy"
            )
        same_turn = [recording for recording in same_video if recording.turn == turn] or same_video
        known = "; ".join(dict.fromkeys(_quote(recording.instruction, recording.turn) for recording in same_turn))
        raise AnswerError(f"no answer is recorded for {_quote(instruction, turn)}. Recorded for this video: {known}")

    def _replay(self, recording: Recording) -> Generator[Piece, None, None]:
        start = time.perf_counter()
        for piece in recording.pieces:
            if self._speed:
                left = piece.seconds / self._speed - (time.perf_counter() - start)
                if left > 0 and self._wait(left):
                    return
            yield piece


def record_answer(
    policy: RecordablePolicy,
    frames: Sequence[Frame],
    instruction: str,
    *,
    num_frames: int,
    video: str = "",
    turns: Sequence[Turn] = (),
    sampling: Sampling = Sampling(),
    sample: int = 0,
) -> Recording:
    """Let a live policy answer; return its text with the time of each token."""
    height, width = frames[0].image.shape[:2]
    return Recording(
        instruction=instruction,
        num_frames=num_frames,
        shown=tuple(frame.index for frame in frames),
        source_wh=(width, height),
        profile=policy.profile,
        pieces=tuple(policy.write(frames, instruction, turns=turns, sampling=sampling, sample=sample)),
        video=video,
        turn=len(turns),
        thumbnails=tuple(thumbnail_of(frame) for frame in frames),
    )


def save_recordings(recordings: Sequence[Recording], path: Path) -> None:
    """Write recordings for `load_recordings`: JSONL if the name ends in .jsonl, else JSON."""
    records = [_to_record(recording) for recording in recordings]
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    else:
        lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
        text = f'{{"records": [\n{lines}\n]}}\n'
    path.write_text(text, encoding="utf-8")


def load_recordings(path: Path) -> tuple[Recording, ...]:
    """Read a recordings file.

    Raises:
        MissingBackend: there is no such file.
        DataError: it has no records, or a record not in the form of the module's docstring.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingBackend(f"cannot read the recorded answers {path}: {error.strerror}; use scripted:FILE") from error
    try:
        if path.suffix == ".jsonl":
            records = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            records = json.loads(text)["records"]
        recordings = tuple(_from_record(record) for record in records)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a recordings file ({type(error).__name__}: {error}), see {__name__}") from error
    if not recordings:
        raise DataError(f"{path} holds no recorded answers: record some with {__name__}.record_answer")
    return recordings


def thumbnail_of(frame: Frame) -> str:
    """Return a frame's thumbnail: 8x8 grey bytes in hex, nearly the same for every decoder."""
    small = Image.fromarray(frame.image).convert("L").resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    return small.tobytes().hex()


def _thumbnail_distance(thumbnail_a: str, thumbnail_b: str) -> float:
    greys_a, greys_b = bytes.fromhex(thumbnail_a), bytes.fromhex(thumbnail_b)
    return sum(abs(a - b) for a, b in zip(greys_a, greys_b, strict=True)) / THUMBNAIL_SIDE**2


def _quote(instruction: str, turn: int) -> str:
    return f"{instruction!r} after {turn} correction{'s' * (turn > 1)}" if turn else repr(instruction)


def _to_record(recording: Recording) -> dict[str, Any]:
    differing = {
        key: getattr(recording.profile, key)
        for key in _PROFILE_KEYS
        if getattr(recording.profile, key) != getattr(GENERIC, key)
    }
    return {
        "instruction": recording.instruction,
        "video": recording.video,
        "num_frames": recording.num_frames,
        "shown": list(recording.shown),
        "space_wh": list(recording.profile.space_wh),
        "source_wh": list(recording.source_wh),
        "turn": recording.turn,
        "looks": list(recording.thumbnails),
        **differing,
        "pieces": [[round(piece.seconds, 4), piece.text] for piece in recording.pieces],
    }


def _from_record(record: dict[str, Any]) -> Recording:
    width, height = record["space_wh"]
    source_width, source_height = record["source_wh"]
    profile = dataclasses.replace(
        GENERIC,
        name="recorded answers",
        size_wh=(int(width), int(height)),
        **{key: _frozen(record[key]) for key in _PROFILE_KEYS if key in record},
    )
    return Recording(
        instruction=str(record["instruction"]),
        num_frames=int(record["num_frames"]),
        shown=tuple(int(index) for index in record["shown"]),
        source_wh=(int(source_width), int(source_height)),
        profile=profile,
        pieces=tuple(Piece(float(seconds), str(text)) for seconds, text in record["pieces"]),
        video=str(record.get("video", "")),
        turn=int(record.get("turn", 0)),
        thumbnails=_read_thumbnails(record),
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _read_thumbnails(record: dict[str, Any]) -> tuple[str, ...]:
    thumbnails = tuple(str(thumbnail) for thumbnail in record.get("looks", ()))
    if thumbnails and len(thumbnails) != len(record["shown"]):
        raise ValueError(f"{len(thumbnails)} looks for {len(record['shown'])} frames shown")
    if any(len(bytes.fromhex(thumbnail)) != THUMBNAIL_SIDE**2 for thumbnail in thumbnails):
        raise ValueError(f"a look is {THUMBNAIL_SIDE}x{THUMBNAIL_SIDE} grey bytes in hex")
    return thumbnails

"""The results table: policies side by side on drawn clips that nobody was trained on, from the question to the masks.

A clip is drawn once and encoded once for all policies; equal answers share one propagation. One line a clip goes to a
journal, so that a run that was cut off goes on. Figures are those of ReVOS (`veason.metrics`), with 95 % bootstrap
intervals over clips.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from veason.answer import AnswerContext
from veason.errors import DataError
from veason.masks import empty_mask, union_mask
from veason.metrics import ABSENT, REASONING, REFERRING, OutlineCache, SequenceScore, score_sequence, summarise_revos
from veason.profile import load_profile
from veason.types import Segmenter
from veason_nano.dataset import choose_questions, clip_size, draw_scene
from veason_nano.language.questions import WorldQuestion
from veason_nano.language.truth import Statement, check_thought
from veason_nano.policy.model import load_weights, nano_profile
from veason_nano.policy.names import draw_labels, say_labels
from veason_nano.policy.pool import ClipMaker
from veason_nano.policy.score import answer_views, look_through, read_text, score_boxes
from veason_nano.world.facts import Facts
from veason_nano.world.footage import BoxTracks, DrawnVideo
from veason_nano.world.photos import load_photos
from veason_nano.world.scene import Scene
from veason_nano.world.view import View, look_at

QUESTION_TYPES = {"referring": REFERRING, "reasoning": REASONING, "absent": ABSENT}
FIGURES = (
    "overall", "referring", "reasoning", "r_binary", "n_acc", "t_acc", "readable", "keyframe_prominence", "box_iou",
    "truth",
)  # fmt: skip
"""The columns of the table, in percent. "truth" is the share of what the thoughts state that is true of the clip."""

Ask = Callable[[str, Sequence["Course"]], list[list[str]]]
"""Given the name of a policy and clips, returns the text of an answer for each of their questions."""

_DRAWS = 1000
_SIDE_BY_SIDE = 6
"""Clips whose answers are written side by side: a token for 24 answers takes little longer than one for four."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One question to one policy. Scores are fractions; `prominence` and `box_iou` are 0 where no box was due.

    Of `stated` statements in the thought `true` are true of the clip (`veason_nano.language.truth`).
    """

    policy: str
    clip: int
    text: str
    type: str
    j: float
    f: float
    r_binary: float
    is_empty: bool
    is_readable: bool
    prominence: float
    box_iou: float
    stated: int
    true: int
    answer: str


class Course:
    """One clip with its questions: what policies are asked, and what their answers are worth.

    `labels` is what its shown frames are called: their indices, or with `largest` any numbers of more than three digits
    up to that one.
    """

    def __init__(
        self, number: int, scene: Scene, questions: int, segmenter: Segmenter, largest: int | None = None
    ) -> None:
        self.number = number
        self._video = DrawnVideo(scene, clip_size(scene))
        self._tracks = BoxTracks(self._video, segmenter, grid=1.0)
        self.view: View = look_through(look_at(Facts(scene), nano_profile().size_wh), self._video)
        self.labels = self.view.shown if largest is None else self._other_labels(largest)
        self.questions = choose_questions(scene, questions)
        info = self._video.info
        self._masks = [self._video.masks(scene.objects, frame) for frame in range(info.num_frames)]
        nothing = empty_mask(info.size_wh)
        self._ground = [union_mask(list(masks.values())) if masks else nothing for masks in self._masks]
        self._outlines = OutlineCache()

    def _other_labels(self, largest: int) -> tuple[int, ...]:
        rng = np.random.default_rng([self.view.facts.scene.seed, 43])
        return tuple(draw_labels(len(self.view.shown), largest, rng).tolist())

    def mark(self, policy: str, question: WorldQuestion, text: str, context: AnswerContext) -> ResultRow:
        """Return what an answer, read against `context` (boxes in pixels of the view's images), is worth."""
        info = self._video.info
        answer = read_text(text, replace(context, source_wh=info.size_wh))
        masks = [empty_mask(info.size_wh)] * info.num_frames
        if answer is not None and answer.keyframe is not None and answer.boxes:
            masks = self._tracks.union(answer.boxes, answer.keyframe)
        truths = [[seen[actor] for actor in question.targets if actor in seen] for seen in self._masks]
        score = score_sequence(masks, truths, self._ground, cache=self._outlines)
        inner = read_text(text, context)
        prominence, iou = score_boxes(self.view, question, inner) if question.targets else (0.0, 0.0)
        is_empty = answer is None or not answer.boxes
        statements = self._check(text if inner is None else inner.thought, context)
        return ResultRow(
            policy, self.number, question.text, question.type, score.j, score.f, score.r_binary or 0.0, is_empty,
            answer is not None, prominence, iou, len(statements), sum(one.is_true for one in statements), text,
        )  # fmt: skip

    def _check(self, thought: str, context: AnswerContext) -> list[Statement]:
        if context.labels == "relative":
            shown = dict(enumerate(self.view.shown))
            thought = re.sub(r"(?<=frame )\d+", lambda label: str(shown.get(int(label[0]), label[0])), thought)
        return check_thought(thought, self.view) if thought else []


def evaluate_policies(
    policies: Mapping[str, Path],
    segmenter: Segmenter,
    journal: Path,
    *,
    clips: int = 200,
    seed: int = 7,
    longest: int = 64,
    questions: int = 4,
    temperature: float = 0.0,
    photos: Path | None = None,
    largest: int | None = None,
    split: Literal["valid", "test"] = "test",
    answers: Path | None = None,
) -> list[ResultRow]:
    """Ask every policy every question of a split that nobody was trained on and return one row each.

    Args:
        policies: folders of weights by the name of their row.
        segmenter: makes the masks for all of them.
        journal: one JSON line a clip; clips that stand there with the same policies are not done again. Its first line
            tells how they were asked.
        clips: how many clips of the split.
        seed: which test split.
        longest: most frames in a clip.
        questions: most questions about a clip.
        temperature: 0 takes the likeliest answers; 1 draws them as GRPO does, with a seed that the first clip of those
            written side by side decides.
        photos: `load_photos` reads it; one of them lies behind every clip.
        largest: frames are called by any numbers of four digits or more, up to this one; by their indices without it.
        split: "valid" to choose by, "test" to tell others.
        answers: a journal of the same questions, whose answers are marked once more (with another segmenter, say)
            instead of asking.

    Raises:
        DataError: the journal holds clips that were asked in another way, or `answers` lacks an answer.
    """
    way = {
        "seed": seed, "longest": longest, "questions": questions, "temperature": temperature,
        "photos": None if photos is None else str(photos),
        **({} if largest is None else {"largest": largest}), **({} if split == "test" else {"split": split}),
    }  # fmt: skip
    check_journal(journal, way)
    pictures = load_photos(photos)
    done = {
        number: rows for number, rows in read_results(journal).items() if {row.policy for row in rows} == set(policies)
    }
    makers = {name: ClipMaker(load_profile(str(folder))) for name, folder in policies.items()}
    ask = _asker(policies, makers, temperature) if answers is None else _quoter(answers)
    left = [number for number in range(clips) if number not in done]
    for first in range(0, len(left), _SIDE_BY_SIDE):
        numbers = left[first : first + _SIDE_BY_SIDE]
        scenes = [draw_scene(split, seed, one, longest, pictures, 1.0) for one in numbers]
        courses = [
            Course(one, scene, questions, segmenter, largest) for one, scene in zip(numbers, scenes, strict=True)
        ]
        found: list[list[ResultRow]] = [[] for _ in courses]
        for name, maker in makers.items():
            for course, texts, rows in zip(courses, ask(name, courses), found, strict=True):
                context = maker.context(course.view)
                pairs = zip(course.questions, texts, strict=True)
                rows += [course.mark(name, question, text, context) for question, text in pairs]
        with journal.open("a", encoding="utf-8") as stream:
            for number, rows in zip(numbers, found, strict=True):
                done[number] = rows
                stream.write(json.dumps([asdict(row) for row in rows]) + "\n")
    return [row for number in sorted(done) if number < clips for row in done[number]]


def _asker(policies: Mapping[str, Path], makers: Mapping[str, ClipMaker], temperature: float) -> Ask:
    """Return what lets a policy answer the questions of some clips."""
    models = {name: load_weights(folder) for name, folder in policies.items()}

    def ask(name: str, courses: Sequence[Course]) -> list[list[str]]:
        asked = [[question.text for question in course.questions] for course in courses]
        views = [replace(course.view, shown=course.labels) for course in courses]
        seed = courses[0].number
        written = answer_views(models[name], makers[name], views, asked, temperature=temperature, seed=seed)
        return [
            [say_labels(text, dict(zip(course.labels, course.view.shown, strict=True))) for text in texts]
            if course.labels != course.view.shown
            else texts
            for course, texts in zip(courses, written, strict=True)
        ]

    return ask


def _quoter(journal: Path) -> Ask:
    """Return what finds the answers to the questions of some clips in a journal."""
    known = {(row.policy, row.clip, row.text): row.answer for rows in read_results(journal).values() for row in rows}

    def quote(name: str, courses: Sequence[Course]) -> list[list[str]]:
        keys = [[(name, course.number, question.text) for question in course.questions] for course in courses]
        missing = next((key for row in keys for key in row if key not in known), None)
        if missing is not None:
            raise DataError(
                f"want answers of {missing[0]!r} to the same questions, but {journal} has none to clip {missing[1]}, "
                f"{missing[2]!r}: ask again, without --answers"
            )
        return [[known[key] for key in row] for row in keys]

    return quote


def check_journal(journal: Path, way: Mapping[str, Any]) -> None:
    """Begin a journal with how its clips are asked, or compare that with what one begins with.

    Raises:
        DataError: they differ.
    """
    if not journal.is_file():
        journal.parent.mkdir(parents=True, exist_ok=True)
        journal.write_text(json.dumps({"way": way}) + "\n", encoding="utf-8")
        return
    first = json.loads(journal.read_text(encoding="utf-8").partition("\n")[0] or "[]")
    if isinstance(first, dict) and first["way"] != way:
        raise DataError(f"{journal} holds clips asked with {first['way']}, wanted is {way}: give another journal")


def read_results(journal: Path) -> dict[int, list[ResultRow]]:
    """Return what stands in a journal, by clip; nothing where there is none yet."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
    clips = [[ResultRow(**row) for row in rows] for rows in map(json.loads, lines) if isinstance(rows, list)]
    return {rows[0].clip: rows for rows in clips}


def summarise_rows(rows: Sequence[ResultRow]) -> dict[str, float]:
    """Return the figures of one policy in percent, NaN where there is nothing to average."""
    revos = summarise_revos(
        [SequenceScore(row.j, row.f, row.r_binary, row.r_binary) for row in rows],
        [QUESTION_TYPES[row.type] for row in rows],
    )
    present = [row for row in rows if row.type != "absent"]
    absent = [row for row in rows if row.type == "absent"]
    tables: dict[str, Any] = {"overall": revos.overall, "referring": revos.referring, "reasoning": revos.reasoning}
    return {
        **{name: table.jf if table is not None else float("nan") for name, table in tables.items()},
        "r_binary": (revos.overall.r_binary or 0.0) if revos.overall is not None else float("nan"),
        "n_acc": _percent([row.is_readable and row.is_empty for row in absent]),
        "t_acc": _percent([not row.is_empty for row in present]),
        "readable": _percent([row.is_readable for row in rows]),
        "keyframe_prominence": _percent([row.prominence for row in present]),
        "box_iou": _percent([row.box_iou for row in present]),
        "truth": 100 * sum(row.true for row in rows) / (sum(row.stated for row in rows) or float("nan")),
    }


def make_table(rows: Sequence[ResultRow], *, seed: int = 0) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return `{policy: {figure: (value, low, high)}}`: 95 % intervals from drawing clips with replacement."""
    rng = np.random.default_rng(seed)
    table = {}
    for policy in dict.fromkeys(row.policy for row in rows):
        groups = list(_by_clip([row for row in rows if row.policy == policy]).values())
        value = summarise_rows([row for group in groups for row in group])
        draws = [
            summarise_rows([row for place in rng.integers(len(groups), size=len(groups)) for row in groups[place]])
            for _ in range(_DRAWS)
        ]
        table[policy] = {name: (value[name], *_interval([draw[name] for draw in draws])) for name in FIGURES}
    return table


def format_figure(values: tuple[float, float, float]) -> str:
    """Return a figure with its interval for people.

    >>> format_figure((61.34, 55.3, 67.32))
    '61.3 (55.3 to 67.3)'
    """
    value, low, high = values
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def compare_policies(
    before: Sequence[ResultRow], after: Sequence[ResultRow], *, seed: int = 0
) -> tuple[float, float, float]:
    """Return by how much overall J&F is higher `after` than `before` on the clips of both, with its 95 % interval.

    Clips are drawn for both at once: how hard a clip is does not widen the interval.
    """
    first, second = _by_clip(before), _by_clip(after)
    clips = sorted(first.keys() & second.keys())
    rng = np.random.default_rng(seed)

    def margin(numbers: Sequence[int]) -> float:
        means = [summarise_rows([row for number in numbers for row in rows[number]]) for rows in (first, second)]
        return means[1]["overall"] - means[0]["overall"]

    draws = [margin([clips[place] for place in rng.integers(len(clips), size=len(clips))]) for _ in range(_DRAWS)]
    return (margin(clips), *_interval(draws))


def _by_clip(rows: Sequence[ResultRow]) -> dict[int, list[ResultRow]]:
    clips: dict[int, list[ResultRow]] = {}
    for row in rows:
        clips.setdefault(row.clip, []).append(row)
    return clips


def _interval(values: Sequence[float]) -> tuple[float, float]:
    known = [value for value in values if value == value]  # NaN where a draw had none of a kind
    low, high = np.percentile(known, [2.5, 97.5]) if known else (float("nan"), float("nan"))
    return float(low), float(high)


def _percent(values: Sequence[float]) -> float:
    return 100 * float(np.mean(values)) if len(values) else float("nan")

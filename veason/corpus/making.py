"""Making a corpus: examples are taught in parallel, every attempt is kept, and a run that was cut off goes on.

OUT/results.journal    what was asked for, then a line an example with all its attempts
OUT/veason_sft.json, dataset_info.json, images/    LLaMA-Factory's sharegpt form (see `veason.formats.sft`)
OUT/card.json, README.md    what came of it
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from veason.answer import render_answer
from veason.corpus.card import BROKEN_OFF, Card, is_waiting, tokens_of, write_card
from veason.corpus.checks import thought_of
from veason.corpus.examples import CorpusExample, choose_samples, make_corpus_example
from veason.corpus.teacher import Teacher
from veason.errors import DataError, EndpointError, OptionError, VeasonError
from veason.evaluate import dataset_identity
from veason.evaluate.journal import Journal
from veason.evaluate.live import open_sample
from veason.formats.datasets import Dataset
from veason.formats.labels.pictures import save_jpeg
from veason.formats.labels.training import ask_in_text, without_marks
from veason.formats.sft.writer import sharegpt_row, write_rows
from veason.profile import Profile
from veason.types import Sample

MOST_FAILURES = 5
"""Examples in a row that may end with an error of the server before the run is stopped: it goes on later."""

_UNCOUNTED = (
    "the server does not tell how many tokens an answer took, so that no budget can be held: leave --max-tokens and "
    "--max-cost out, and bound the run by --count"
)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent; None where there is no end to it.

    Attributes:
        tokens: of prompts and answers together.
        cost: in the currency of the prices.
        price_in: of a million tokens of prompts.
        price_out: of a million tokens of answers.
    """

    tokens: int | None = None
    cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        for name in ("tokens", "cost", "price_in", "price_out"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise OptionError(f"{name} of a budget is a number, 0 or more, got {value}")
        if self.cost is not None and not (self.price_in or self.price_out):
            raise OptionError("a budget in money needs --price-in and --price-out, of a million tokens")

    @property
    def has_end(self) -> bool:
        """Whether anything ends it."""
        return self.tokens is not None or self.cost is not None

    def cost_of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what tokens cost."""
        return (prompt_tokens * self.price_in + completion_tokens * self.price_out) / 1e6

    def is_spent(self, prompt_tokens: int, completion_tokens: int) -> bool:
        """Tell whether nothing more may be asked."""
        too_many = self.tokens is not None and prompt_tokens + completion_tokens >= self.tokens
        return too_many or (self.cost is not None and self.cost_of(prompt_tokens, completion_tokens) >= self.cost)


@dataclass(frozen=True)
class CorpusOrder:
    """What corpus is wanted.

    Attributes:
        count: expressions with a target.
        num_absent: expressions without.
        num_tries: attempts at each.
        seed: of the choice, and of what is drawn.
        parallel: examples that are taught at once.
        only: keys of the expressions that may be taught; empty for any.
    """

    count: int
    num_absent: int = 0
    num_tries: int = 3
    seed: int = 0
    parallel: int = 4
    only: frozenset[str] = frozenset()


def make_corpus(
    dataset: Dataset,
    profile: Profile,
    make_teacher: Callable[[], Teacher],
    out: Path,
    order: CorpusOrder,
    *,
    budget: Budget = Budget(),
    on_progress: Callable[[int, int], object] = lambda done, total: None,
) -> Card:
    """Teach until all examples are done or the budget is spent, write the corpus, and return its card.

    Args:
        dataset: expressions with ground truth.
        profile: of the policy that will be trained: frames, labels, keys, system text.
        make_teacher: makes one for each thread.
        out: the folder; what is in it of the same order is not asked again.
        order: what is wanted.
        budget: what may be spent, with what was spent before.
        on_progress: told (done, of).

    Raises:
        DataError: the folder holds another corpus, or no expression can be taught.
        EndpointError: the server does not answer, also not after a while; what was made is kept.
    """
    samples = choose_samples(dataset, order.count, num_absent=order.num_absent, seed=order.seed, only=order.only)
    if not samples:
        raise DataError(f"{dataset.root}: no expression there can be taught: ground truth is needed")
    model = make_teacher().check_reachable()
    identity = {
        **dataset_identity(dataset), "corpus": 1, "teacher": model, "profile": profile.name,
        "profile_values": json.loads(json.dumps(asdict(profile))), "count": order.count,
        "absent": order.num_absent, "tries": order.num_tries, "seed": order.seed,
        **({"only": sorted(order.only)} if order.only else {}),
    }  # fmt: skip
    with Journal(out, identity) as journal:
        waiting = [sample for sample in samples if is_waiting(journal.rows.get(sample.key))]
        error = _teach_all(waiting, profile, make_teacher, order, budget, journal, on_progress)
        rows = [journal.rows[sample.key] for sample in samples if sample.key in journal.rows]
        by_key = {sample.key: sample for sample in samples}
        write_rows(out, _lines(rows, by_key, profile, out))
        card = Card.of(identity, rows, len(samples), budget.cost_of)
        write_card(card, out)
    if error is not None:
        raise error
    return card


def _teach_all(
    waiting: Sequence[Sample],
    profile: Profile,
    make_teacher: Callable[[], Teacher],
    order: CorpusOrder,
    budget: Budget,
    journal: Journal,
    on_progress: Callable[[int, int], object],
) -> EndpointError | None:
    """Teach what is left; return the last error of the server, None where every example that was begun was taught."""
    local = threading.local()

    def teach(sample: Sample) -> dict[str, Any]:
        if not hasattr(local, "teacher"):
            local.teacher = make_teacher()
        return _taught(sample, profile, local.teacher, order)

    num_done, failures = sum(not is_waiting(row) for row in journal.rows.values()), 0
    total = num_done + len(waiting)
    spent = Counter(tokens_of(journal.rows.values()))
    left = iter(waiting)
    running: set[Future[dict[str, Any]]] = set()
    last: EndpointError | None = None  # of an example that stays to be taught
    with ThreadPoolExecutor(order.parallel) as pool:
        while True:
            while (
                len(running) < order.parallel
                and failures < MOST_FAILURES
                and not budget.is_spent(spent["prompt"], spent["completion"])
            ):
                sample = next(left, None)
                if sample is None:
                    break
                running.add(pool.submit(teach, sample))
            if not running:
                return last
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    row = future.result()
                except EndpointError as error:
                    failures, last = failures + 1, error
                    continue
                spent.update(tokens_of([row]))
                is_uncounted = budget.has_end and any(not one["prompt_tokens"] for one in row["attempts"])
                earlier = journal.rows.get(row["key"], {"attempts": []})["attempts"]
                journal.append(row | {"attempts": [*earlier, *row["attempts"]]})
                failures = failures + 1 if is_waiting(row) else 0
                if is_waiting(row):
                    last = EndpointError(row["why"])
                if is_uncounted:
                    failures, last = MOST_FAILURES, EndpointError(_UNCOUNTED)
                num_done += not is_waiting(row)
                on_progress(num_done, total)


def _taught(sample: Sample, profile: Profile, teacher: Teacher, order: CorpusOrder) -> dict[str, Any]:
    """Return the row of an example; where the server breaks off, with what it had answered, so nothing is lost."""
    row: dict[str, Any] = {"key": sample.key, "attempts": [], "why": ""}
    attempts: list[dict[str, Any]] = row["attempts"]
    try:
        example = make_corpus_example(sample, profile)
        if example is None:
            return row | {"state": "left out", "why": "the target is on none of the frames shown"}
        for one in teacher.teach(example, num_tries=order.num_tries, seed=order.seed):
            attempts.append(asdict(one))
    except EndpointError as error:
        return row | {"state": BROKEN_OFF, "why": str(error)}
    except VeasonError as error:
        return row | {"state": "left out", "why": str(error)}
    is_kept = not attempts[-1]["faults"]
    return row | {"state": "kept" if is_kept else "rejected"}


def _lines(
    rows: Sequence[dict[str, Any]], samples: dict[str, Sample], profile: Profile, out: Path
) -> Iterator[dict[str, Any]]:
    """Yield the rows to train on, and write their pictures."""
    for row in rows:
        if row["state"] != "kept":
            continue
        sample = samples[row["key"]]
        example = make_corpus_example(sample, profile)
        thought = thought_of(row["attempts"][-1]["text"])
        if example is not None and thought is not None:
            yield _line(example, thought, profile, out)


def _line(example: CorpusExample, thought: str, profile: Profile, out: Path) -> dict[str, Any]:
    system, user = ask_in_text(profile, example.shown, example.sample.instruction)
    answer = render_answer(without_marks(thought), example.keyframe, example.answer_boxes, example.context)
    folder = Path("images") / example.sample.video
    (out / folder).mkdir(parents=True, exist_ok=True)
    files = {index: folder / f"{example.sample.frame_names[index]}.jpg" for index in example.shown}
    missing = [index for index, file in files.items() if not (out / file).exists()]
    for frame in open_sample(example.sample).frames(missing):
        save_jpeg(frame.image, out / files[frame.index], profile.size_wh)
    return sharegpt_row(system, user, answer, [file.as_posix() for file in files.values()])

"""The card of a corpus: how many examples were kept, why others were not, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from veason.atomic import write_atomically
from veason.outputs import write_json

_REASONS = (
    ("tags of the steps", "do not stand between"),
    ("steps", "the steps do not begin"),
    ("too short", "says too little"),
    ("too long", "words, at most"),
    ("tags of an answer", "holds tags"),
    ("gives the boxes away", "it mentions"),
    ("coordinates", "it holds coordinates"),
    ("keyframe not named", "does not name the frame"),
)
"""Kinds of faults, each with words by which it is known; all others are disagreements with the answer."""

BROKEN_OFF = "broken off"
"""The state of an example whose server went away; its attempts are kept and counted, and it is taught again."""

_TRIES = ("try", "tries")
_DISAGREES = "disagrees with the answer"


@dataclass(frozen=True)
class Card:
    """What came of a corpus.

    Attributes:
        order: what was asked for: dataset, teacher, counts, seed.
        wanted: examples that were chosen.
        states: examples by what became of them; those that wait were not asked yet.
        kept_after: examples that were kept, by the number of attempts that they took.
        faults: attempts by what was wrong with them; one may have several faults.
        left_out: examples that could not be taught, by the reason.
        prompt_tokens: as the server counts them.
        completion_tokens: likewise.
        seconds: that all attempts took together.
        cost: at the prices that were given, 0 without.
    """

    order: Mapping[str, Any]
    wanted: int
    states: Mapping[str, int]
    kept_after: Mapping[int, int]
    faults: Mapping[str, int]
    left_out: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: float

    @classmethod
    def of(
        cls,
        order: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        wanted: int,
        cost_of: Callable[[int, int], float],
    ) -> Card:
        """Return the card of the rows of a journal; `cost_of` tells what tokens of prompts and of answers cost."""
        states = Counter(row["state"] for row in rows if not is_waiting(row))
        states["waiting"] = wanted - states.total()
        attempts = [one for row in rows for one in row["attempts"]]
        tokens = tokens_of(rows)
        return cls(
            order=order,
            wanted=wanted,
            states={state: count for state, count in states.items() if count},
            kept_after=dict(sorted(Counter(len(row["attempts"]) for row in rows if row["state"] == "kept").items())),
            faults=dict(Counter(kind_of_fault(fault) for one in attempts for fault in one["faults"]).most_common()),
            left_out=dict(Counter(row["why"] for row in rows if row["state"] == "left out")),
            prompt_tokens=tokens["prompt"],
            completion_tokens=tokens["completion"],
            seconds=sum(one["seconds"] for one in attempts),
            cost=cost_of(tokens["prompt"], tokens["completion"]),
        )

    def lines(self) -> list[str]:
        """Return the card as lines of Markdown."""
        order = self.order
        told = [
            f"# A corpus of {self.states.get('kept', 0)} examples",
            "",
            f"Taught by `{order['teacher']}` about `{order['kind']}` ({order['split']}), for the profile "
            f"{order['profile']}. Keyframes and boxes come from the ground truth; the reasoning is the teacher's.",
            "",
            "| examples | |",
            "|---|---|",
            f"| wanted | {self.wanted} |",
            *(f"| {state} | {count} |" for state, count in self.states.items()),
            *(f"| kept after {number} {_TRIES[number > 1]} | {count} |" for number, count in self.kept_after.items()),
            "",
            "| what was wrong with attempts | |",
            "|---|---|",
            *(f"| {kind} | {count} |" for kind, count in self.faults.items()),
            *(f"| left out: {why} | {count} |" for why, count in self.left_out.items()),
            "",
            f"{self.prompt_tokens:,} tokens of prompts, {self.completion_tokens:,} of answers, "
            f"{self.seconds / 3600:.2f} hours of asking, cost {self.cost:.2f}.",
        ]
        return told


def is_waiting(row: Mapping[str, Any] | None) -> bool:
    """Tell whether an example is still to be taught: it has no row, or one that the server broke off."""
    return row is None or row["state"] == BROKEN_OFF


def tokens_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the tokens that rows have cost, of prompts and of completions."""
    attempts = [one for row in rows for one in row["attempts"]]
    return {kind: sum(one[f"{kind}_tokens"] for one in attempts) for kind in ("prompt", "completion")}


def kind_of_fault(fault: str) -> str:
    """Return the kind of a fault.

    >>> kind_of_fault("it mentions 'red box': what is drawn on the frames may not be mentioned")
    'gives the boxes away'
    """
    return next((kind for kind, words in _REASONS if words in fault), _DISAGREES)


def write_card(card: Card, out: Path) -> None:
    """Write the card as JSON and as Markdown."""
    write_json(asdict(card), out / "card.json")
    write_atomically(out / "README.md", "\n".join(card.lines()) + "\n")

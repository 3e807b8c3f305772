"""What people say of cases: a tag and a note, by rater, kept line by line so that nothing said is ever lost.

A later word of the same rater on the same case counts; the earlier ones stay in the file.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from veason.errors import DataError, OptionError
from veason.locks import take_lock

if TYPE_CHECKING:
    from veason.lab.store import Lab

VERDICTS_FILE = "verdicts.jsonl"

TAGS = {
    "correct": "answer and reasoning are right",
    "hallucinated_object": "something that is not in the video was answered",
    "wrong_instance": "another object than the target",
    "wrong_frame": "a keyframe on which the target cannot be told",
    "right_for_wrong_reason": "a right answer from false reasoning",
    "ambiguous": "the instruction fits more than one thing",
    "bad_label": "the ground truth is wrong",
}
"""Tags with what they mean, in the order of their keys 1 to 7; an empty tag takes a verdict back."""

NEGATIVES = ("hallucinated_object", "wrong_instance", "wrong_frame", "right_for_wrong_reason")
"""Tags of cases that are worth training on again."""


@dataclass(frozen=True, slots=True)
class RaterVerdict:
    """One word of one rater on one case of a run. `at` is in seconds since 1970 (UTC)."""

    run: str
    key: str
    rater: str
    tag: str
    note: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class VerdictAgreement:
    """Cohen's kappa of two raters over the cases of both; None where it is not defined (no case, or one tag alone)."""

    cases: int
    agreed: int
    kappa: float | None


class Verdicts:
    """The verdicts of a lab's folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / VERDICTS_FILE

    def add(self, verdict: RaterVerdict) -> RaterVerdict:
        """Keep a verdict, on the disk before this returns; `at` is set where it is 0.

        Raises:
            OptionError: the tag is unknown or the rater has no name.
        """
        if verdict.tag and verdict.tag not in TAGS:
            raise OptionError(f"unknown tag {verdict.tag!r}: choose one of {', '.join(TAGS)}")
        if not verdict.rater.strip():
            raise OptionError("a verdict needs the name of who gives it")
        kept = RaterVerdict(**{**asdict(verdict), "rater": verdict.rater.strip(), "at": verdict.at or time.time()})
        self.file.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(kept), ensure_ascii=False) + "\n"
        with self.file.open("ab+") as stream:
            take_lock(stream, waits=True)
            stream.truncate(whole_lines(stream))
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
        return kept

    def all(self) -> list[RaterVerdict]:
        """Return the verdicts that count, in the order they were given.

        A last line that was cut off by a crash is passed over. Raises DataError for any other that cannot be read.
        """
        if not self.file.is_file():
            return []
        latest: dict[tuple[str, str, str], RaterVerdict] = {}
        lines = self.file.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], start=1):
            try:
                verdict = RaterVerdict(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise DataError(
                    f"{self.file}: line {number} is no verdict ({error}): mend or delete the line"
                ) from error
            place = (verdict.run, verdict.key, verdict.rater)
            latest.pop(place, None)
            latest[place] = verdict
        return [verdict for verdict in latest.values() if verdict.tag]

    def of_run(self, run: str) -> list[RaterVerdict]:
        """Return the verdicts on the cases of one run."""
        return [verdict for verdict in self.all() if verdict.run == run]


def whole_lines(stream: BinaryIO) -> int:
    """Return the length in bytes of the whole lines of a file: what follows was cut off before it was acknowledged."""
    length = stream.seek(0, os.SEEK_END)
    tail = 1 << 16
    while length:
        start = max(length - tail, 0)
        stream.seek(start)
        place = stream.read(length - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        length = start
    return 0


def kappa(verdicts: Iterable[RaterVerdict], first: str, second: str) -> VerdictAgreement:
    """Return how far two raters agree on the cases that both judged, beyond chance.

    Source: Cohen, A coefficient of agreement for nominal scales, 1960: (observed - expected) / (1 - expected).
    """
    said: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in verdicts:
        said.setdefault((verdict.run, verdict.key), {})[verdict.rater] = verdict.tag
    pairs = [(tags[first], tags[second]) for tags in said.values() if first in tags and second in tags]
    agreed = sum(a == b for a, b in pairs)
    if not pairs:
        return VerdictAgreement(0, 0, None)
    count = len(pairs)
    ours, theirs = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(ours[tag] * theirs[tag] for tag in ours) / count**2
    if expected == 1:
        return VerdictAgreement(count, agreed, None)
    return VerdictAgreement(count, agreed, (agreed / count - expected) / (1 - expected))


def hard_negatives(lab: Lab, verdicts: Iterable[RaterVerdict]) -> Iterator[dict[str, Any]]:
    """Yield the cases with a verdict of `NEGATIVES` as JSON values: where they are, what was asked, what was answered.

    A case that more than one rater judged wrong comes once, with all tags.
    """
    tags: dict[tuple[str, str], set[str]] = {}
    for verdict in verdicts:
        if verdict.tag in NEGATIVES:
            tags.setdefault((verdict.run, verdict.key), set()).add(verdict.tag)
    for (name, key), found in tags.items():
        run = lab.run(name)
        case = run.case(key)
        told = {column: case[column] for column in ("video", "instruction", "absent", "text", "keyframe", "boxes_xyxy")}
        about = {part: run.info.dataset[part] for part in ("kind", "root", "split")}
        yield {"dataset": about, "key": key, "run": name, "tags": sorted(found), **told}


def as_csv(verdicts: Sequence[RaterVerdict]) -> str:
    """Return verdicts as CSV with a header; a cell that a spreadsheet would compute gets a quote before it."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ("run", "key", "rater", "tag", "note", "at"), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in asdict(verdict).items()} for verdict in verdicts)
    return stream.getvalue()


def as_jsonl(verdicts: Sequence[RaterVerdict]) -> str:
    """Return verdicts as JSON lines."""
    return "".join(json.dumps(asdict(verdict), ensure_ascii=False) + "\n" for verdict in verdicts)


def _plain(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value

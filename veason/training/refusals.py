"""What a training engine would drop, cut or misread without a word, refused before anything is trained.

LLaMA-Factory 0.9.5 cuts a row at `cutoff_len`, leaves out a row with other roles, resizes pictures beyond its pixel
limits (and with them the space of the boxes), and reads the marks of its chat form wherever they stand in a text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.corpus.rows import answer_of, broken_parts, labels_in
from veason.errors import DataError
from veason.formats.benchmarks.files import picture_size
from veason.formats.labels.training import IMAGE
from veason.training.base import Base
from veason.training.wording import instruction_in

TOKEN_MARKS = re.compile(r"<\|[^|<>]*\|>|<video>|<audio>")
"""What stands for something else than text in the forms that engines read."""

_MOST_TOLD, _MOST_FAULTS = 5, 2
_CHECK = "`veason corpus check CORPUS --profile FILE` tells the faults of all rows; --profile names another profile"


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """What is in a corpus that can be trained on.

    Attributes:
        rows: how many.
        absent: how many of them say that the target is in none of the frames.
        pictures: how many different pictures they show.
        longest: tokens of the longest row.
        tokens: of all rows together.
    """

    rows: int
    absent: int
    pictures: int
    longest: int
    tokens: int


def check_corpus(rows: Sequence[dict[str, Any]], base: Base, cutoff: int) -> CorpusReport:
    """Return what is in the rows of `veason.corpus.rows.read_rows`.

    Args:
        rows: all that would be trained on.
        base: the checkpoint that would learn them.
        cutoff: most tokens of a row.

    Raises:
        DataError: a row would not be learnt as it stands; the message names rows and reasons.
        MissingBackend: the checkpoint has no processor.
        ProfileError: the profile does not suit the checkpoint.
    """
    if not rows:
        raise DataError("the corpus has no rows: make one with `veason corpus make` or `veason export --format sft`")
    sizes: dict[str, tuple[int, int] | None] = {}
    found = {place: _wrong(row, base, sizes) for place, row in enumerate(rows)}
    refuse_rows({place: wrong for place, wrong in found.items() if wrong}, len(rows), base)
    lengths = _lengths(rows, base)
    longest = min(cutoff, base.max_positions)
    limit = "--cutoff" if cutoff <= base.max_positions else "what the checkpoint can read"
    too_long = {
        place: [f"it has {length:,} tokens, {limit} is {longest:,}: its end would be cut off"]
        for place, length in enumerate(lengths)
        if length > longest
    }
    refuse_rows(too_long, len(rows), base)
    absent = sum(answer_of(row, base.profile).is_absent for row in rows)
    return CorpusReport(len(rows), absent, len(sizes), max(lengths), sum(lengths))


def _lengths(rows: Sequence[dict[str, Any]], base: Base) -> list[int]:
    from veason.policy.lengths import count_tokens

    turns = ((base.profile.system, *(turn["value"] for turn in row["conversations"])) for row in rows)
    return list(count_tokens(base.folder, base.profile, turns, image_mark=IMAGE))


def _wrong(row: dict[str, Any], base: Base, sizes: dict[str, tuple[int, int] | None]) -> list[str]:
    profile = base.profile
    if wrong := broken_parts(row, profile):
        return wrong
    human, gpt = row["conversations"]
    asked, written = human["value"], gpt["value"]
    if (human.get("from"), gpt.get("from")) != ("human", "gpt"):
        return [f"it is said by {human.get('from')!r} and {gpt.get('from')!r}, wanted are human and gpt"]
    if not isinstance(asked, str) or not isinstance(written, str):
        return ["what is said in it is not text"]
    if IMAGE in written:
        wrong.append(f"its answer holds {IMAGE}")
    if mark := TOKEN_MARKS.search(asked) or TOKEN_MARKS.search(written):
        wrong.append(f"it holds {mark[0]!r}, which stands for something else than text")
    if row.get("system") not in (None, profile.system):
        wrong.append(f"its system text is {row['system']!r}, the profile's is {profile.system!r}")
    if instruction_in(asked, profile) is None:
        wrong.append("it asks in other words than the policy is asked with its profile")
    last = labels_in(asked, profile)[-1]
    if profile.largest_label is not None and last > profile.largest_label:
        wrong.append(f"its frame {last} is beyond {profile.largest_label}, the last that the policy knows")
    for name in row["images"]:
        path = str(row["folder"] / name)
        if path not in sizes:
            sizes[path] = _size(path)
        if sizes[path] != profile.size_wh:
            is_read = sizes[path] is not None
            wrong.append(
                f"the picture {name!r} is sized {sizes[path]}, the profile wants {profile.size_wh}"
                if is_read
                else f"the picture {name!r} cannot be read"
            )
            break
    return wrong


def _size(path: str) -> tuple[int, int] | None:
    try:
        return picture_size(Path(path))
    except DataError:
        return None


def refuse_rows(found: dict[int, list[str]], total: int, base: Base, hint: str = _CHECK) -> None:
    """Raise DataError where any row has a fault.

    Args:
        found: faults by the row's place.
        total: how many rows there are.
        base: what would learn them.
        hint: what to do.
    """
    if not found:
        return
    told = [
        f"row {place}: {'; '.join(wrong[:_MOST_FAULTS])}" + ("; and more" if len(wrong) > _MOST_FAULTS else "")
        for place, wrong in list(found.items())[:_MOST_TOLD]
    ]
    kinds = Counter(re.sub(r"'[^']*'|[\d,]+", "...", wrong[0]) for wrong in found.values())
    more = [f"and {len(found) - len(told)} more rows ({len(kinds)} kinds of faults)"] if len(found) > len(told) else []
    raise DataError(
        f"{len(found)} of {total} rows would not be learnt as they stand by a policy with the profile "
        f"{base.profile.name!r}; nothing was trained.\n" + "\n".join([*told, *more]) + f"\n{hint}"
    )

"""Feed random and damaged answers to the parser: no exception but AnswerError, no text that takes long.

    python benchmarks/fuzz_answer.py --count 100000 --seed 1

Half of the texts are in the forms of `tests/answer_forms.py`. Prints counts of what came out, the slowest text and the
time for texts of 1 MB; writes nothing. Ends with status 1 on any other exception, and where a text that holds a box (by
the few plain patterns here, not by our own reader) is read as "absent".
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from veason.answer import AnswerContext, AnswerParser, format_parts, parse_answer
from veason.errors import AnswerError
from veason.types import Answer

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.answer_forms import written

CONTEXT = AnswerContext(shown=(0, 42, 85, 128, 170), num_frames=300, source_wh=(1120, 840))

SCRAPS = [
    "<think>", "</think>", "<answer>", "</answer>", "{", "}", "[", "]", "(", ")", ",", ":", '"', "'", "`", "```json\n",
    "//", "/*", "*/", "#", "\n", "\\", "null", "None", "true", "NaN", "Infinity", "-", "1e999", "128s", "9" * 5000,
    '"keyframe_timestamp": ', '"bbox_2d_list": ', '"bbox_2d": ', "“", "’", "\x00", "é", "帧", "\ud800", "[0, 0, 0, 0]",
    "[[10, 20, 30, 40]]", "[" * 300, "}" * 30, "frame 128 ", "<128>", "0", "-1", "12.5",
]  # fmt: skip


def write_text(chance: random.Random) -> str:
    """Return one model output in one of the shapes that are common, undamaged."""
    keyframe = chance.choice(["0", "42", "128", "170", "3", '"128"', '"128s"', "128.0", "300", "-1", "null"])
    boxes = ", ".join(_write_box(chance) for _ in range(chance.choice([0, 1, 1, 1, 2, 3, 8])))
    keyframe_key = chance.choice(["keyframe_timestamp"] * 6 + ["keyframe", "timestamp", "frame"])
    boxes_key = chance.choice(["bbox_2d_list"] * 6 + ["bbox_2d", "boxes"])
    fields = [f'"{keyframe_key}": {keyframe}', f'"{boxes_key}": [{boxes}]']
    chance.shuffle(fields)
    body = chance.choice(["{%s}"] * 6 + ["```json\n{%s}\n```", "[{%s}]", "%s"]) % ", ".join(fields)
    body = body.replace('"', chance.choice(['"'] * 5 + ["'"]))
    thought = chance.choice(["", "The dog runs in (42s) and is near in frame 128.", "At 128s it is at [1, 2, 30, 40]."])
    return chance.choice(["<think>%s</think>\n<answer>%s</answer>"] * 6 + ["%s\n%s", "<think>%s %s"]) % (thought, body)


def _write_box(chance: random.Random) -> str:
    odd = ["[0, 0, 0, 0]", "[300, 400, 100, 200]", "[-9, 20, 900, 80]", '{"bbox_2d": [10, 20, 30, 40], "label": "dog"}']
    x, y = chance.randrange(500), chance.randrange(500)
    usual = f"[{x}, {y}, {x + chance.randrange(1, 60)}, {y + chance.randrange(1, 60)}.5]"
    return (
        usual if chance.random() < 0.8 else chance.choice([*odd, "[600, 600, 700, 700]", "[5, 5, 5, 5]", "[1, 2, 3]"])
    )


def mutate(text: str, chance: random.Random, num_edits: int) -> str:
    """Return `text` after some cuts, insertions, doublings and swaps."""
    for _ in range(num_edits):
        start, stop = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        stop = min(stop, start + 40)
        edit = chance.randrange(6)
        if edit == 0:
            text = text[:start] + text[stop:]
        elif edit == 1:
            text = text[:start] + chance.choice(SCRAPS) + text[start:]
        elif edit == 2:
            text = text[:start] + text[start:stop] * 2 + text[stop:]
        elif edit == 3:
            text = text[:start] + chr(chance.randrange(32, 0x3000)) + text[start + 1 :]
        elif edit == 4 and chance.random() < 0.3:
            text = text[:start]
        else:
            text = text[:start] + text[start + 1 :]
    return text


_FOUR = re.compile(r"[\[(]\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*[\])]")
_NAMED = re.compile(r"\b(x1|y1|x2|y2|xmin|ymin|xmax|ymax|left|top|right|bottom)\b\W{1,4}\d", re.IGNORECASE)


def holds_a_box(text: str, shown: Collection[int]) -> bool:
    """Tell whether a text holds four plain numbers in brackets, or four corners by name; the frames shown are none."""
    found = [[int(number) for number in match] for match in _FOUR.findall(text)]
    is_list_of_frames = [sorted(numbers) == numbers and set(numbers) <= set(shown) for numbers in found]
    has_four = any(any(numbers) and not is_frames for numbers, is_frames in zip(found, is_list_of_frames, strict=True))
    return has_four or len({name.lower() for name in _NAMED.findall(text)}) >= 4


def read(text: str) -> Answer | None:
    """Read `text` whole and in pieces, check that both agree, and return the answer."""
    try:
        answer = parse_answer(text, CONTEXT)
    except AnswerError:
        answer = None
    parser = AnswerParser(CONTEXT)
    for start in range(0, len(text), 7):
        parser.feed(text[start : start + 7])
    try:
        streamed = parser.finish()
    except AnswerError:
        streamed = None
    assert streamed == answer, "pieces and whole text disagree"
    format_parts(text)
    return answer


def time_long_texts() -> None:
    """Print the seconds for a megabyte of reasoning, of boxes and of what is known to be slow to read."""
    units = {
        "reasoning": "The dog in (42s) is near. ",
        "boxes": "[10, 20, 30, 40], ",
        "brackets": "[1,",
        "tags": "<answer>",
    }
    for name, unit in units.items():
        opening = '<answer>{"keyframe_timestamp": 128, "bbox_2d_list": [' if name == "boxes" else ""
        text = opening + unit * (1_000_000 // len(unit))
        start = time.process_time()
        with contextlib.suppress(AnswerError):
            parse_answer(text, CONTEXT)
        print(f"1 MB of {name}: {time.process_time() - start:.2f} s of processor time")


def main() -> int:
    parser = argparse.ArgumentParser(description="feed random and damaged answers to the parser")
    parser.add_argument("--count", type=int, default=20_000, help="number of texts")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    forms = [text for _, text, *_ in written()]
    counts: Counter[str] = Counter()
    slowest, slowest_text = 0.0, ""
    for number in range(options.count):
        source = chance.choice(forms) if number % 2 else write_text(chance)
        text = mutate(source, chance, chance.randrange(8))
        start = time.perf_counter()
        try:
            answer = read(text)
        except Exception as error:  # noqa: BLE001 any other exception is the finding this script looks for
            print(f"text {number} of seed {options.seed}: {error!r}\n{text!r}")
            return 1
        if answer is not None and answer.is_absent:
            counts["  absent"] += 1
            if holds_a_box(text, CONTEXT.shown):
                print(f"text {number} of seed {options.seed} holds a box and was read as absent:\n{text!r}")
                return 1
        taken = time.perf_counter() - start
        if taken > slowest:
            slowest, slowest_text = taken, text
        counts["answers" if answer else "answer errors"] += 1
        counts.update({f"  note {kind}" for kind in {note.kind for note in answer.notes}} if answer else ())
    for name, count in sorted(counts.items(), key=lambda item: (item[0].startswith(" "), -item[1])):
        print(f"{count:8d} {name}")
    print(f"slowest text: {slowest * 1e3:.1f} ms, {len(slowest_text)} characters (read whole and in pieces of 7)")
    time_long_texts()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The ways in which labels once became wrong in silence: each is put back, and the test that holds it has to fail.

    python benchmarks/silent_errors.py          # -> benchmarks/results/

Works in a copy of the tracked files, so that nothing of the checkout changes. A fault is one replacement in one file:
its test passes without it and fails with it, or this ends with an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from report import write_result

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Fault:
    """A fault, where it goes, and the test that has to see it.

    `test` is a test of pytest, or a file of node's with the name of a test in it.
    """

    name: str
    file: str
    right: str
    wrong: str
    test: tuple[str, str]


FAULTS = (
    Fault(
        "nothing is accepted as absent, by the button",
        "veason/studio/web/panel/review.js",
        'isAnsweredAbsent ? "absent" : "nothing"',
        '"absent"',
        ("tests/web/review.test.js", "nothing is not absent"),
    ),
    Fault(
        "nothing is accepted as absent, in the queue",
        "veason/project/queue.py",
        "if proposed is None and not is_absent:",
        "if False:",
        ("tests/project/test_queue.py", "test_nothing_is_not_absent_until_a_person_or_an_answer_says_so"),
    ),
    Fault(
        "typed words are lost",
        "veason/studio/server/question/labels.py",
        "self._project.queue.keep_words(self._question_id, words, annotator=client.by)",
        "pass",
        ("tests/studio/test_words.py", "test_typed_words_are_saved_come_back_and_are_exported"),
    ),
    Fault(
        "a later box takes a clicked frame's mask",
        "veason/annotation/kept.py",
        "return frozenset(place for place in found if place[1] != starts.get(place[0]))",
        "return frozenset()",
        ("tests/test_recompute.py", "test_a_frame_that_was_clicked_first_keeps_its_mask_when_a_later_frame_is_boxed"),
    ),
    Fault(
        "selecting an object moves the frame",
        "veason/studio/web/edits/actions.js",
        "select = (objectId) => this.#state.set({ selected: objectId });",
        "select = (objectId) => this.#state.set({ selected: objectId, frame: 0 });",
        ("tests/web/selecting.test.js", ""),
    ),
    Fault(
        "doubtful frames are ordered as text",
        "veason/studio/web/core/objects.js",
        "return [...starts].sort((a, b) => a - b);",
        "return [...starts].sort();",
        ("tests/web/objects.test.js", "a doubtful stretch is found where it begins"),
    ),
    Fault(
        "object ids are compared as text and number",
        "veason/studio/web/core/receive.js",
        "[Number(key), value]",
        "[key, value]",
        ("tests/web/objects.test.js", "what JSON keys by text is keyed by number"),
    ),
    Fault(
        "the bar names another object than the lane that was dragged",
        "veason/studio/web/timeline/lanes.js",
        "`${nameOf(now, now.selected)}, ${frames}`",
        "`${nameOf(now, 1)}, ${frames}`",
        ("tests/web/timeline.test.js", "the bar of the chosen frames names the object"),
    ),
    Fault(
        "the boxed frame comes last",
        "veason/segmenter/nearest.py",
        "first = None if cursor is None else cursor()",
        "first = None",
        ("tests/test_recompute.py", "test_a_box_on_a_later_frame_shows_its_mask_before_what_is_tracked"),
    ),
    Fault(
        "an overlap stays with both objects",
        "veason/studio/web/edits/overlap.js",
        "const counts = without(lost, won);",
        "const counts = lost;",
        ("tests/web/overlap.test.js", ""),
    ),
    Fault(
        "a score is shown as if it were quality",
        "veason/studio/web/timeline/lanes.js",
        "Mean object score ${mean.toFixed(2)}: the segmenter's own,",
        "Certainty ${mean.toFixed(2)}:",
        ("tests/web/timeline.test.js", "called what it is"),
    ),
    Fault(
        "an answer that cannot be read is proposed",
        "veason/studio/web/queue/list.js",
        'return failure && (status === "new" || status === "proposed") ? "no answer" : status;',
        "return status;",
        ("tests/web/queue.test.js", "what gave no usable answer"),
    ),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        for name in _git("ls-files", "-z").split("\0"):
            if name and (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        seen = [_try(fault, tree) for fault in FAULTS]
    print("->", write_result("silent-errors", {"faults": seen}))
    if not all(one["passes_without"] and one["fails_with"] for one in seen):
        sys.exit("a fault was not seen, or its test fails without it")


def _try(fault: Fault, tree: Path) -> dict[str, object]:
    file = tree / fault.file
    text = file.read_text(encoding="utf-8")
    if text.count(fault.right) != 1:
        sys.exit(f"{fault.file} does not hold {fault.right!r} once: what is right there now?")
    passes = _passes(fault.test, tree)
    file.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    fails = not _passes(fault.test, tree)
    file.write_text(text, encoding="utf-8")
    print(f"{fault.name}: passes without it {passes}, fails with it {fails}", flush=True)
    return {"fault": fault.name, "file": fault.file, "test": " ".join(fault.test).strip(), "passes_without": passes,
            "fails_with": fails}  # fmt: skip


def _passes(test: tuple[str, str], tree: Path) -> bool:
    file, name = test
    if file.endswith(".js"):
        command = ["node", "--test", *([f"--test-name-pattern={name}"] if name else []), file]
    else:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"{file}::{name}"]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False).returncode == 0


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True, text=True).stdout


if __name__ == "__main__":
    main()

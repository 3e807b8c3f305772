"""How well nano-policy knows what it has not seen: its picture score on the test split against real clips.

    VEASON_REAL_CLIPS=.../real_clips VEASON_DAVIS=.../davis16 python benchmarks/nano_limits.py

The limit was chosen on the validation split (`veason nano limits`). Measured here are the test split (questions that
would be refused), the bundled examples, world clips with photographs behind them, and real clips: whole DAVIS sequences
and their halves, and two 720p clips, whole and in six windows. Each is asked what `real_instructions.py` has about it,
and `KNOWN_WORDS`, which have no word that the policy does not know, so that the pictures alone can tell. The area under
the ROC curve is that of the picture score. The real clips stay outside the repository: without the variables they are
left out. Results go to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from real_instructions import ABOUT_CLIPS, ABOUT_SEQUENCES
from report import write_result

from veason import hub
from veason.policy.qwen import QwenPolicy
from veason.policy.seen_pictures import SeenPictures, read_seen_pictures
from veason.profile import load_profile, sample_indices
from veason.types import Frame, ModelOptions
from veason.video import open_video
from veason_nano.dataset import choose_questions, clip_size, draw_scene
from veason_nano.policy.seen import clip_frames
from veason_nano.world.photos import load_photos

KNOWN_WORDS = ("the one that moves", "the ball", "what enters first", "the largest object", "the one in front")


def main() -> None:
    """Measure and write the result."""
    from veason.policy import load_policy

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200, help="test clips (default: %(default)s)")
    args = parser.parse_args()
    policy = load_policy(hub.NANO, ModelOptions(device="cpu"))
    assert isinstance(policy, QwenPolicy)
    seen = read_seen_pictures(Path(load_profile(str(hub.embedded("policy"))).seen_pictures))

    def scores(clips: Iterator[list[Frame]]) -> np.ndarray:
        return np.array([seen.score(policy.picture_features(frames)) for frames in clips])

    refused, asked, world = measure_world(policy, args.clips, seen.score)
    values: dict[str, Any] = {"limit": seen.limit, "test_questions": asked, "test_questions_refused": refused}
    values["test"] = spread(world, seen.limit)
    values["examples"] = spread(scores(examples()), seen.limit)
    values["photographs_behind"] = spread(scores(photographs(48)), seen.limit)
    for name, found in real_clips().items():
        values[name] = measure_strangers(policy, list(found), world, seen)
    print(write_result("nano-limits", values))
    for name, value in values.items():
        print(name, value)


def measure_world(policy: QwenPolicy, count: int, score: Any) -> tuple[int, int, np.ndarray]:
    """Return how many test questions are refused, of how many, and the scores of their clips."""
    refused = asked = 0
    found = []
    for number in range(count):
        scene = draw_scene("test", 7, number, 64)
        frames = clip_frames(scene, clip_size(scene))
        found.append(score(policy.picture_features(frames)))
        for question in choose_questions(scene, 4):
            asked += 1
            refused += bool(policy.outside_training(frames, question.text))
    return refused, asked, np.array(found)


def measure_strangers(
    policy: QwenPolicy, found: list[tuple[list[Frame], tuple[str, ...]]], world: np.ndarray, seen: SeenPictures
) -> dict[str, Any]:
    """Return how real clips score, and how many instructions about them are answered as if they were known."""
    told = np.array([seen.score(policy.picture_features(frames)) for frames, _ in found])
    asked = [(frames, one) for frames, about in found for one in (*about, *KNOWN_WORDS)]
    known_words = [not policy.unknown_words(one) for _, one in asked]
    answered = [one for frames, one in asked if not policy.outside_training(frames, one)]
    return {
        **spread(told, seen.limit),
        "auc": roc_area(world, told),
        "instructions": len({one for _, about in found for one in about}),
        "asked": len(asked),
        "asked_with_known_words_alone": sum(known_words),
        "answered_as_if_known": answered,
    }


def examples() -> Iterator[list[Frame]]:
    """Yield the shown frames of the bundled clips."""
    for file in sorted((hub.ASSETS / "examples").glob("*.mp4")):
        yield from windows(file, 1)


def photographs(count: int) -> Iterator[list[Frame]]:
    """Yield test clips with a photograph behind each."""
    photos = load_photos(Path("scikit-image"))
    for number in range(count):
        scene = draw_scene("test", 7, number, 64, photos, 1.0)
        yield clip_frames(scene, clip_size(scene))


def real_clips() -> dict[str, Iterator[tuple[list[Frame], tuple[str, ...]]]]:
    """Return the real clips that the environment names, each with the instructions about it."""
    found: dict[str, Iterator[tuple[list[Frame], tuple[str, ...]]]] = {}
    if root := os.environ.get("VEASON_DAVIS"):
        found["davis"] = davis(Path(root))
    if root := os.environ.get("VEASON_REAL_CLIPS"):
        for file in sorted(Path(root).glob("*/clip.mp4")):
            found[file.parent.name] = wholes_and_windows(file, ABOUT_CLIPS[file.parent.name])
    return found


def wholes_and_windows(file: Path, about: tuple[str, ...]) -> Iterator[tuple[list[Frame], tuple[str, ...]]]:
    """Yield a clip and six windows of it, with the instructions about it."""
    for count in (1, 6):
        for frames in windows(file, count):
            yield frames, about


def davis(root: Path) -> Iterator[tuple[list[Frame], tuple[str, ...]]]:
    """Yield each sequence and its two halves, with the instructions about it."""
    for folder in sorted((root / "JPEGImages" / "480p").iterdir()):
        files = sorted(folder.glob("*.jpg"))
        half = len(files) // 2
        for part in (files, files[:half], files[half:]):
            shown = sample_indices(len(part), 8)
            frames = [Frame(index, np.asarray(Image.open(part[index]).convert("RGB"))) for index in shown]
            yield frames, ABOUT_SEQUENCES[folder.name]


def windows(file: Path, count: int) -> Iterator[list[Frame]]:
    """Yield so many windows of a clip, one after the other."""
    with open_video(file) as video:
        length = video.info.num_frames // count
        for start in range(0, length * count, length):
            yield list(video.frames([start + index for index in sample_indices(length, 8)]))


def spread(scores: np.ndarray, limit: float) -> dict[str, float]:
    """Return the lowest, middle and highest score, and the share above the limit."""
    return {
        "clips": len(scores),
        "lowest": round(float(scores.min()), 3),
        "median": round(float(np.median(scores)), 3),
        "highest": round(float(scores.max()), 3),
        "above_limit": round(float((scores > limit).mean()), 4),
    }


def roc_area(known: Sequence[float] | np.ndarray, unknown: Sequence[float] | np.ndarray) -> float:
    """Return the share of pairs in which the unknown clip scores above the known one, ties half."""
    below = np.asarray(known)[:, None]
    above = np.asarray(unknown)[None]
    return float((below < above).mean() + (below == above).mean() / 2)


if __name__ == "__main__":
    main()

"""An example opens with an answer that was made earlier, on any server that is told so: no model is asked for it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.standins import BoxFiller
from veason.hub import ASSETS
from veason.masks import rle_from_coco
from veason.pipeline import Pipeline, load_pipeline
from veason.project import Project
from veason.studio.server.examples import list_examples
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.recorded import enter_recorded
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason_nano.recorded_answers import recorded_answer


class Untouched(BoxFiller):
    """A segmenter that nobody may ask."""

    def track(self, *_: Any, **__: Any) -> Iterator[Any]:
        raise AssertionError("a model was asked")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    made = Studio(Pipeline(None, Untouched()), registry, list_examples(are_recorded=True), capacity=4)
    yield made
    made.close()


def opened(studio: Studio, example: int, **more: Any) -> tuple[str, dict[str, dict[str, Any]]]:
    (message,) = studio.answer("open", {"example": example, "tab": "a", **more})
    return message["work"], {item["kind"]: item for item in message["items"]}


def test_an_example_opens_with_its_answer_and_masks_and_says_that_it_is_recorded(studio: Studio) -> None:
    found = [one for one in studio.examples if one.recorded is not None]
    assert len(found) == 5
    for place, example in enumerate(found):
        work, told = opened(studio, place)
        assert told["recalled"]["answered"]["recorded"]
        assert told["recalled"]["answered"]["notes"] == []
        assert told["session"]["instruction"] == example.instructions[0]
        assert len(told["masks"]["frames"]) > 40
        again, _ = opened(studio, place, project=work.split(".")[0])
        assert again == work  # what the visitor does with it is not lost


def test_whoever_opens_an_example_at_once_gets_one_question_and_their_own_words_stay(tmp_path: Path) -> None:
    example = next(one for one in list_examples(are_recorded=True) if one.recorded is not None)
    assert example.recorded is not None
    file = example.recorded
    with Project.create(tmp_path / "project") as project:
        video = project.library.add_video(example.path)
        own = project.library.add_question(video, example.instructions[0])
        with ThreadPoolExecutor(4) as pool:
            entered = set(pool.map(lambda _: enter_recorded(project, video, file), range(4)))
        assert len(entered) == 1
        assert own not in entered
        assert project.labels.state(own).answer is None
        assert len(project.library.questions(video_id=video)) == 2


def test_a_space_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("space_app", Path(__file__).parent.parent.parent / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    seen: list[Any] = []
    monkeypatch.setattr(app, "run", seen.append)
    monkeypatch.setattr("sys.argv", ["app.py"])
    for is_space in (False, True):
        if is_space:
            monkeypatch.setenv("SPACE_ID", "somebody/veason")
        else:
            monkeypatch.delenv("SPACE_ID", raising=False)
        app.main()
    assert [args.recorded_examples for args in seen] == [False, True]


def test_without_being_told_so_an_example_opens_for_a_question(tmp_path: Path) -> None:
    registry = ProjectRegistry(Settings(visitors=tmp_path / "visitors"))
    studio = Studio(Pipeline(None, Untouched()), registry, list_examples(), capacity=4)
    told = opened(studio, 0)[1]
    assert told.get("recalled", {}).get("answered") is None
    assert (told["session"]["instruction"], told["masks"]["frames"]) == ("", {})
    studio.close()


def test_what_is_recorded_is_what_the_embedded_models_say() -> None:
    pipeline = load_pipeline("nano", "nano")
    row = json.loads((ASSETS / "examples" / "examples.json").read_text(encoding="utf-8"))[0]
    clip = ASSETS / "examples" / row["file"]
    made = json.loads(recorded_answer(clip, row["instructions"][0]["text"], pipeline))
    kept = json.loads(clip.with_suffix(".answer.jsonl").read_text(encoding="utf-8"))
    for name in ("instruction", "answer_text", "keyframe", "frames_shown", "policy", "segmenter", "objects"):
        assert made[name] == kept[name], name
    assert len(made["masks"]) == len(kept["masks"])
    for ours, theirs in zip(made["masks"], kept["masks"], strict=True):
        a, b = (rle_from_coco({"size": one["size"], "counts": one["counts"]}) for one in (ours, theirs))
        assert _iou(a, b) > 0.95  # another processor rounds in another way


def _iou(a: Any, b: Any) -> float:
    from veason.masks import decode_mask

    one, other = decode_mask(a), decode_mask(b)
    return float((one & other).sum() / max((one | other).sum(), 1)) if (one | other).any() else 1.0

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veason.errors import AnswerError, DataError, MissingBackend
from veason.policy.qwen import QwenPolicy
from veason.policy.scripted import ScriptedPolicy, load_recordings, record_answer, save_recordings, thumbnail_of
from veason.types import Answered, Box, BoxClosed, Frame, KeyframeChosen, Sampling, ThoughtDelta, Turn, Unanswered

SHOWN = (0, 10, 20)
TEXT = [
    "<think>", "The ball ", "rolls.", "</think>\n", "<answer>", '{"keyframe_timestamp": ', "10, ",
    '"bbox_2d_list": [[10, 20, ', "50, 60]]}", "</answer>",
]  # fmt: skip


def record(**changes: Any) -> dict[str, Any]:
    pieces = [[0.02 * (place + 1), text] for place, text in enumerate(TEXT)]
    return {
        "instruction": "The red ball", "video": "pendulum", "num_frames": 30, "shown": SHOWN, "space_wh": [100, 100],
        "source_wh": [200, 100], "pieces": pieces, **changes,
    }  # fmt: skip


def save(tmp_path: Path, *records: dict[str, Any]) -> Path:
    path = tmp_path / "recordings.json"
    path.write_text(json.dumps({"records": records}))
    return path


def frames(size_wh: tuple[int, int] = (200, 100)) -> list[Frame]:
    return [Frame(index, np.zeros((size_wh[1], size_wh[0], 3), np.uint8)) for index in SHOWN]


def test_replay_gives_the_events_of_the_recorded_text(tmp_path: Path) -> None:
    policy = ScriptedPolicy(save(tmp_path, record()), speed=0)
    events = list(policy.stream(frames(), "the RED ball.", num_frames=30))
    assert "".join(event.text for event in events if isinstance(event, ThoughtDelta)) == "The ball rolls."
    assert [event.frame_index for event in events if isinstance(event, KeyframeChosen)] == [10]
    assert len([event for event in events if isinstance(event, BoxClosed)]) == 1
    last = events[-1]
    assert isinstance(last, Answered)
    assert last.answer.keyframe == 10
    assert last.answer.boxes == (Box(20, 20, 100, 60),)
    assert last.answer.text == "".join(TEXT)


def test_speed_is_that_of_the_recorded_model(tmp_path: Path) -> None:
    *_, last = ScriptedPolicy(save(tmp_path, record()), speed=0).stream(frames(), "the red ball", num_frames=30)
    assert isinstance(last, Answered)
    assert last.speed is not None
    assert (last.speed.first_token_s, last.speed.num_tokens, last.speed.total_s) == (0.02, 10, 0.2)


@pytest.mark.parametrize(("speed", "wanted"), [(1.0, 0.2), (4.0, 0.05)])
def test_replay_takes_as_long_as_the_recording_over_the_speed(tmp_path: Path, speed: float, wanted: float) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    policy = ScriptedPolicy(save(tmp_path, record()), speed=speed, wait=wait)
    start = time.perf_counter()
    list(policy.stream(frames(), "the red ball", num_frames=30))
    assert time.perf_counter() - start >= wanted
    assert sum(waits) <= wanted, "a machine that is busy waits less, never more"


def test_an_event_set_by_another_thread_ends_a_long_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    slow = record(pieces=[[0.0, "<think>hm"], [60.0, "..."]])
    stream = ScriptedPolicy(save(tmp_path, slow), wait=stop.wait).stream(frames(), "the red ball", num_frames=30)
    next(stream)
    threading.Timer(0.05, stop.set).start()
    start = time.perf_counter()
    *_, last = stream
    assert isinstance(last, Unanswered)
    assert time.perf_counter() - start < 5


def test_closing_the_stream_ends_the_replay(tmp_path: Path) -> None:
    waits: list[float] = []
    stream = ScriptedPolicy(save(tmp_path, record()), wait=waits.append).stream(frames(), "the red ball", num_frames=30)
    next(stream)
    stream.close()
    assert len(waits) <= 2
    assert list(stream) == []


def test_samples_take_the_matching_records_in_turn(tmp_path: Path) -> None:
    other = [piece[:] for piece in record()["pieces"]]
    other[1][1] = "Something else "
    policy = ScriptedPolicy(save(tmp_path, record(), record(pieces=other)), speed=0)
    events = list(policy.stream(frames(), "the red ball", num_frames=30, sampling=Sampling(num_samples=3)))
    thoughts = [(event.sample, event.answer.thought) for event in events if isinstance(event, Answered)]
    assert thoughts == [(0, "The ball rolls."), (1, "Something else rolls."), (2, "The ball rolls.")]


def test_a_correction_is_answered_by_the_record_of_that_turn(tmp_path: Path) -> None:
    second = [[0.0, '<think>Right.</think><answer>{"keyframe_timestamp": 20, "bbox_2d_list": []}</answer>']]
    policy = ScriptedPolicy(save(tmp_path, record(), record(turn=1, pieces=second)), speed=0)
    turns = [Turn("".join(TEXT), "look again")]
    *_, last = policy.stream(frames(), "the red ball", num_frames=30, turns=turns)
    assert isinstance(last, Answered)
    assert last.answer.thought == "Right."
    assert last.answer.is_absent


@pytest.mark.parametrize(
    ("instruction", "num_frames", "num_turns", "message"),
    [
        pytest.param("the zebra", 30, 0, "for 'the zebra'. Recorded for this video: 'The red ball'$", id="other words"),
        pytest.param(
            "the red ball", 31, 0, r"this video of 31 frames, only for pendulum \(30 frames\)", id="other length"
        ),
        pytest.param("the red ball", 30, 1, "for 'the red ball' after 1 correction. Recorded", id="no such turn"),
    ],
)
def test_unrecorded_question_lists_what_is_recorded(
    tmp_path: Path, instruction: str, num_frames: int, num_turns: int, message: str
) -> None:
    policy = ScriptedPolicy(save(tmp_path, record()), speed=0)
    with pytest.raises(AnswerError, match=message):
        list(policy.stream(frames(), instruction, num_frames=num_frames, turns=[Turn("", "")] * num_turns))


@pytest.mark.parametrize(
    ("brighter", "is_known"),
    [
        pytest.param(0, True, id="the same"),
        pytest.param(3, True, id="coded anew"),
        pytest.param(40, False, id="another video of the same length"),
    ],
)
def test_a_record_with_looks_answers_for_its_own_video_only(tmp_path: Path, brighter: int, is_known: bool) -> None:
    looks = [thumbnail_of(frame) for frame in frames()]
    policy = ScriptedPolicy(save(tmp_path, record(looks=looks)), speed=0)
    shown = [Frame(frame.index, frame.image + np.uint8(brighter)) for frame in frames()]
    if is_known:
        assert isinstance(list(policy.stream(shown, "the red ball", num_frames=30))[-1], Answered)
    else:
        with pytest.raises(AnswerError, match="only for pendulum"):
            list(policy.stream(shown, "the red ball", num_frames=30))


def test_looks_are_compared_on_the_frames_that_both_have(tmp_path: Path) -> None:
    looks = [thumbnail_of(frame) for frame in frames()]
    policy = ScriptedPolicy(save(tmp_path, record(looks=looks)), speed=0)
    image = frames()[0].image
    assert list(policy.stream([Frame(5, image + np.uint8(200)), Frame(10, image)], "the red ball", num_frames=30))
    with pytest.raises(AnswerError):
        list(policy.stream([Frame(5, image)], "the red ball", num_frames=30))


def test_policy_asks_for_the_frames_of_its_recordings(tmp_path: Path) -> None:
    policy = ScriptedPolicy(save(tmp_path, record()))
    assert (policy.frame_count, policy.name, policy.is_recorded) == (3, "scripted", True)
    assert policy.unknown_words("zebra") == ()


def test_a_recorded_policy_gives_several_answers_only_where_a_question_was_answered_twice(tmp_path: Path) -> None:
    assert not ScriptedPolicy(save(tmp_path, record(), record(turn=1))).can_sample
    assert ScriptedPolicy(save(tmp_path, record(), record())).can_sample


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[1]", id="a list"),
        pytest.param('{"records": []}', id="no records"),
        pytest.param('{"records": [{"instruction": "x"}]}', id="no pieces"),
        pytest.param(json.dumps({"records": [record(pieces=["text"])]}), id="pieces without times"),
        pytest.param(json.dumps({"records": [record(looks=["00" * 64])]}), id="too few looks"),
        pytest.param(json.dumps({"records": [record(looks=["00"] * 3)]}), id="looks too short"),
    ],
)
def test_broken_file_is_a_data_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"broken\.json"):
        ScriptedPolicy(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingBackend, match=r"gone\.json"):
        ScriptedPolicy(tmp_path / "gone.json")


@pytest.mark.parametrize("name", ["kept.json", "kept.jsonl"])
def test_recordings_are_read_back_as_they_were_saved(tmp_path: Path, name: str) -> None:
    recordings = load_recordings(
        save(tmp_path, record(looks=["00" * 64] * 3), record(turn=1, keyframe_key="best", labels="relative"))
    )
    save_recordings(recordings, tmp_path / name)
    assert load_recordings(tmp_path / name) == recordings


def test_answer_of_a_live_policy_is_recorded_and_replayed(tiny: QwenPolicy, tmp_path: Path) -> None:
    sampling = Sampling(max_new_tokens=12)
    recording = record_answer(tiny, frames(), "the ball", num_frames=30, video="a clip", sampling=sampling)
    save_recordings([recording], tmp_path / "live.json")
    *_, live = tiny.stream(frames(), "the ball", num_frames=30, sampling=sampling)
    *_, replayed = ScriptedPolicy(tmp_path / "live.json", speed=0).stream(frames(), "the ball", num_frames=30)
    assert isinstance(live, Unanswered)
    assert replayed == live
    assert recording.pieces[0].seconds > 0

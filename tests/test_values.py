"""Values are right or are not made: whatever is impossible raises where it is written down."""

import dataclasses
import json
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veason.annotation.plain import plain, rebuild
from veason.errors import (
    AnswerError,
    DataError,
    OptionError,
    ProfileError,
    ProjectError,
    PromptError,
    VeasonError,
    VideoError,
)
from veason.masks import empty_mask, encode_mask, mask_area, mask_iou, union_mask
from veason.profile import GENERIC, PROFILE_FILE, read_profile
from veason.rewards import Weights
from veason.segmenter.features import FeatureBudget
from veason.studio.server.settings import Settings
from veason.types import (
    Answer,
    Box,
    Budgets,
    Click,
    FrameMasks,
    MaskTrack,
    ObjectMask,
    Prompt,
    Rle,
    Sampling,
    Speedups,
    VideoInfo,
)

MASK = ObjectMask(empty_mask((8, 6)), 1.0)


def info(**changed: object) -> VideoInfo:
    values: dict[str, object] = {
        "path": "clip.mp4",
        "num_frames": 5,
        "size_wh": (8, 6),
        "fps": 25.0,
        "first_timestamp": 0.0,
        "last_timestamp": 0.2,
        "has_variable_rate": False,
        "decoder": "pyav",
    }
    return VideoInfo(**{**values, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        pytest.param(lambda: Sampling(temperature=-1), OptionError, "temperature.*-1", id="temperature below 0"),
        pytest.param(lambda: Sampling(temperature=math.nan), OptionError, "temperature", id="temperature NaN"),
        pytest.param(lambda: Sampling(temperature=math.inf), OptionError, "temperature", id="temperature infinite"),
        pytest.param(lambda: Sampling(top_p=0), OptionError, "top_p", id="top_p 0"),
        pytest.param(lambda: Sampling(top_p=1.5), OptionError, "top_p.*1.5", id="top_p above 1"),
        pytest.param(lambda: Sampling(top_p=math.nan), OptionError, "top_p", id="top_p NaN"),
        pytest.param(lambda: Sampling(max_new_tokens=0), OptionError, "1 token", id="no token"),
        pytest.param(lambda: Sampling(num_samples=0), OptionError, "answers.*0", id="no sample"),
        pytest.param(lambda: Sampling(seed=1 << 41), OptionError, "seed", id="seed too large"),
        pytest.param(lambda: Box(0, 0, math.nan, 1), PromptError, "x1,y1,x2,y2", id="box NaN"),
        pytest.param(lambda: Box(0, 0, math.inf, 1), PromptError, "x1,y1,x2,y2", id="box infinite"),
        pytest.param(lambda: Box(3, 0, 2, 1), PromptError, "swap", id="box swapped"),
        pytest.param(lambda: Click(math.nan, 1), PromptError, "finite", id="click NaN"),
        pytest.param(lambda: Click(1, -math.inf), PromptError, "finite", id="click infinite"),
        pytest.param(lambda: Prompt(0, 0, Box(0, 0, 1, 1)), PromptError, "start at 1", id="prompt for the background"),
        pytest.param(lambda: Prompt(1, -1, Box(0, 0, 1, 1)), PromptError, "frame index", id="prompt before the video"),
        pytest.param(lambda: Prompt(1, 0), PromptError, "give a box", id="prompt that says nothing"),
        pytest.param(lambda: Rle((0, 6), ""), PromptError, "height", id="mask without height"),
        pytest.param(lambda: Rle((6,), ""), PromptError, "height", id="mask of one side"),
        pytest.param(lambda: Rle((6, 8), b"0"), PromptError, "bytes", id="mask as bytes"),
        pytest.param(lambda: ObjectMask(MASK.rle, math.nan), PromptError, "score", id="score NaN"),
        pytest.param(lambda: ObjectMask(MASK.rle, math.inf), PromptError, "score", id="score infinite"),
        pytest.param(lambda: FrameMasks(-1, {1: MASK}), PromptError, "frame index", id="masks before the video"),
        pytest.param(lambda: FrameMasks(0, {0: MASK}), PromptError, "start at 1", id="masks of the background"),
        pytest.param(lambda: MaskTrack(0), PromptError, "start at 1", id="track of the background"),
        pytest.param(lambda: MaskTrack(1, {-2: MASK}), PromptError, "-2", id="track before the video"),
        pytest.param(
            lambda: MaskTrack(1).with_masks({3: MASK, -2: MASK}), PromptError, "-2", id="mask before the video"
        ),
        pytest.param(lambda: info(num_frames=0), VideoError, "0 frames", id="video without frames"),
        pytest.param(lambda: info(size_wh=(8, 0)), VideoError, "8x0", id="video without height"),
        pytest.param(lambda: info(fps=0), VideoError, "rate", id="rate 0"),
        pytest.param(lambda: info(fps=math.nan), VideoError, "rate", id="rate NaN"),
        pytest.param(lambda: info(last_timestamp=-1), VideoError, "seconds", id="time runs backward"),
        pytest.param(lambda: info(first_timestamp=math.nan), VideoError, "seconds", id="time NaN"),
        pytest.param(lambda: info(files=("a.png",)), VideoError, "1 files", id="files of some frames"),
        pytest.param(lambda: Answer("", None, (Box(0, 0, 1, 1),)), AnswerError, "keyframe", id="boxes on no frame"),
        pytest.param(lambda: Answer("", -3, ()), AnswerError, "-3", id="keyframe before the video"),
        pytest.param(lambda: Budgets(tracks=-1), OptionError, "tracks.*-1", id="budget below 0"),
        pytest.param(lambda: Budgets(prefix=1.5), OptionError, "prefix", id="budget with a fraction"),
        pytest.param(lambda: Budgets(shown=None), OptionError, "shown", id="budget unknown"),
        pytest.param(lambda: FeatureBudget(ram=-1), OptionError, "0 bytes", id="tier below 0"),
        pytest.param(lambda: Speedups(compiled=1), OptionError, "compiled", id="speed-up that is a number"),
        pytest.param(lambda: Weights(boxes=math.nan), OptionError, "boxes", id="weight NaN"),
    ],
)
def test_an_impossible_value_is_refused_where_it_is_made(
    make: Callable[[], object], error: type[VeasonError], says: str
) -> None:
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Box(4, 4, 4, 4), id="an empty box, as models answer"),
        pytest.param(lambda: Box(-9, -9, 900, 900), id="a box that leaves the picture"),
        pytest.param(lambda: Click(-1, 1000), id="a click outside, which the video refuses"),
        pytest.param(lambda: Budgets.nothing(), id="no budget at all"),
        pytest.param(lambda: Budgets(feature_memory=None), id="the machine's own budget"),
        pytest.param(lambda: Sampling(temperature=0, seed=-7), id="a negative seed"),
        pytest.param(lambda: Answer("nowhere", None, ()), id="an absent target"),
        pytest.param(lambda: info(path="", decoder="", last_timestamp=0.0), id="labels without their video"),
        pytest.param(lambda: FrameMasks(0, {}), id="a frame without objects"),
    ],
)
def test_an_odd_but_possible_value_is_kept(make: Callable[[], object]) -> None:
    make()


@given(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 4))
def test_a_box_is_finite_and_ordered_or_refused(numbers: tuple[float, float, float, float]) -> None:
    try:
        box = Box(*numbers)
    except PromptError:
        return
    assert all(map(math.isfinite, box.xyxy))
    assert box.area >= 0


def test_masks_of_different_sizes_are_not_compared() -> None:
    with pytest.raises(DataError, match=r"\(6, 8\) and \(8, 6\)"):
        mask_iou(empty_mask((8, 6)), empty_mask((6, 8)))
    with pytest.raises(DataError, match=r"\(6, 8\) and \(8, 6\)"):
        mask_iou(encode_mask(np.ones((6, 8), bool)), encode_mask(np.ones((8, 6), bool)))


def test_masks_of_different_sizes_are_not_united() -> None:
    same, other = encode_mask(np.eye(6, 8, dtype=bool)), empty_mask((8, 8))
    assert mask_area(union_mask([same, same])) == 6
    with pytest.raises(DataError, match="one size"):
        union_mask([same, same, other])
    with pytest.raises(DataError, match="got none"):
        union_mask([])


def test_a_mask_of_three_dimensions_is_refused() -> None:
    with pytest.raises(DataError, match=r"\(2, 3, 1\)"):
        encode_mask(np.zeros((2, 3, 1), bool))


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        pytest.param(Click, {**plain(Click(1, 2)), "x": math.nan}, id="a click"),
        pytest.param(Box, {**plain(Box(1, 2, 3, 4)), "x1": 9.0}, id="a box"),
        pytest.param(Answer, {**plain(Answer("", 3, (Box(0, 0, 1, 1),))), "keyframe": None}, id="an answer"),
    ],
)
def test_a_project_that_holds_an_impossible_value_says_which(kind: type, stored: object) -> None:
    with pytest.raises(ProjectError, match=f"holds a {kind.__name__} that cannot be read"):
        rebuild(kind, stored)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("name", 3, id="name that is a number"),
        pytest.param("frame_count", 0, id="no frame"),
        pytest.param("frame_count", True, id="frames yes"),
        pytest.param("frame_count", 7.5, id="half a frame"),
        pytest.param("size_wh", (560,), id="one side"),
        pytest.param("size_wh", (560, "560"), id="side as text"),
        pytest.param("size_wh", (560, 27), id="less than a cell"),
        pytest.param("label_form", "({frame}s)", id="label without a number"),
        pytest.param("label_form", "({index}s of {count})", id="label with another field"),
        pytest.param("label_form", "({index}s {", id="label with an open brace"),
        pytest.param("labels", "other", id="labels"),
        pytest.param("coordinates", ["pixels"], id="coordinates"),
        pytest.param("keyframe_key", "", id="no key"),
        pytest.param("boxes_key", None, id="key that is nothing"),
        pytest.param("prompt_template", 1, id="template"),
        pytest.param("system", None, id="system"),
        pytest.param("lowercase_instruction", "yes", id="word for true"),
        pytest.param("max_new_tokens", 0, id="no tokens"),
        pytest.param("max_new_tokens", "1024", id="tokens as text"),
        pytest.param("step_marks", "what", id="marks in one text"),
        pytest.param("vocabulary", ("a", 1), id="a number among words"),
        pytest.param("trained_on", 0, id="caution"),
        pytest.param("doubt_threshold", 1.5, id="share above 1"),
        pytest.param("doubt_threshold", math.nan, id="share NaN"),
    ],
)
def test_a_wrong_value_of_a_profile_is_refused_by_name_also_in_a_file(key: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=key):
        dataclasses.replace(GENERIC, **{key: value})  # type: ignore[arg-type]
    (tmp_path / PROFILE_FILE).write_text(json.dumps({key: value}))
    with pytest.raises(ProfileError, match=f"{PROFILE_FILE}.*{key}"):
        read_profile(tmp_path / PROFILE_FILE)


@pytest.mark.parametrize("content", ["[1]", "7", '{"frames": 8}', "{"])
def test_a_profile_is_an_object_of_known_keys(content: str, tmp_path: Path) -> None:
    (tmp_path / PROFILE_FILE).write_text(content)
    with pytest.raises(ProfileError, match=PROFILE_FILE):
        read_profile(tmp_path / PROFILE_FILE)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"max_upload_mb": 0}, "max_upload_mb", id="no upload"),
        pytest.param({"max_works": 1.5}, "max_works", id="half a question"),
        pytest.param({"visitor_bytes": -1}, "visitor_bytes", id="quota below 0"),
        pytest.param({"transfer_mb": 0}, "transfer_mb", id="no uploads"),
        pytest.param({"video_mb": -1}, "video_mb", id="memory below 0"),
        pytest.param({"visitors_bytes": True}, "visitors_bytes", id="quota yes"),
        pytest.param({"visitor_age_s": 0.0}, "visitor_age_s", id="no time"),
        pytest.param({"visitor_age_s": math.nan}, "visitor_age_s", id="time NaN"),
        pytest.param({"project": Path("a"), "visitors": Path("b")}, "--visitors", id="one project and many"),
    ],
)
def test_settings_of_the_app_that_cannot_be_are_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        Settings(**changed)  # type: ignore[arg-type]


def test_masks_laid_over_a_track_leave_the_track_as_it_was() -> None:
    before = MaskTrack(3, {4: MASK, 5: MASK})
    other = ObjectMask(MASK.rle, -7.0)
    after = before.with_masks({5: other, 2: other})
    assert after == MaskTrack(3, {4: MASK, 5: other, 2: other})
    assert before == MaskTrack(3, {4: MASK, 5: MASK})
    assert pickle.loads(pickle.dumps(after)) == after


def test_laying_a_mask_over_a_track_looks_at_no_frame_that_was_there() -> None:
    class Watched(dict[int, ObjectMask]):
        def __iter__(self) -> Iterator[int]:
            raise AssertionError("the frames that were there were checked again")

    track = MaskTrack(1)
    object.__setattr__(track, "frames", Watched({index: MASK for index in range(5)}))
    assert len(track.with_masks({9: MASK}).frames) == 6

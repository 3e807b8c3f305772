"""Label Studio files as people export them: every region is kept, or counted as left out by its reason."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from veason.errors import DataError
from veason.formats.importing import import_labels
from veason.formats.label_studio.brush import decode_brush, encode_brush
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import LabelledVideo
from veason.masks import decode_mask
from veason.types import Box, VideoInfo

SIZE_WH = (160, 120)
CLIP = VideoInfo("", 60, SIZE_WH, 24.0, 0.0, 59 / 24, False, "")


def block(x: int, y: int) -> np.ndarray:
    mask = np.zeros(SIZE_WH[::-1], bool)
    mask[y : y + 20, x : x + 30] = True
    return mask


def region(kind: str, label: str | None = "car", id: str | None = "r", **value: Any) -> dict[str, Any]:
    type_ = kind if label is None else f"{kind}labels"
    if label is not None:
        value[type_] = [label]
    row = {"id": id, "type": type_, "original_width": 160, "original_height": 120, "image_rotation": 0, "value": value}
    return {key: each for key, each in row.items() if each is not None}


def brush(mask: np.ndarray, label: str | None = "car", id: str | None = "r") -> dict[str, Any]:
    return region("brush", label, id, format="rle", rle=encode_brush(mask))


def task(frame: int | str, *annotations: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    name = frame if isinstance(frame, str) else f"/data/local-files/?d=frames/clip/{frame:05d}.jpg"
    return {"id": 7, "data": {"image": name}, "annotations": [{"result": each} for each in annotations], **more}


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., tuple[LabelledVideo, tuple[str, ...]]]:
    """Import tasks about the only clip of a project and return its labels and what was left out."""

    def take(*tasks: Any) -> tuple[LabelledVideo, tuple[str, ...]]:
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        tally = ImportTally()
        (video,) = import_labels(tmp_path / "export.json", "label-studio", own={"clip": CLIP}, tally=tally)
        assert video.name == "clip"
        return video, tally.lines()

    return take


def visible(video: LabelledVideo) -> dict[tuple[int, int], np.ndarray]:
    tracks = video.tracks.items()
    return {
        (key, at): decode_mask(mask.rle) for key, track in tracks for at, mask in track.items() if not mask.is_empty
    }


def test_two_regions_of_one_label_are_two_objects(take: Any) -> None:
    video, left = take(task(5, [brush(block(10, 10), id="a"), brush(block(90, 60), id="b")]))
    assert not left
    masks = visible(video)
    assert list(masks) == [(1, 5), (2, 5)]
    assert np.array_equal(masks[1, 5], block(10, 10))
    assert np.array_equal(masks[2, 5], block(90, 60))
    assert dict(video.object_names) == {1: "car", 2: "car"}


def test_one_region_of_a_label_a_frame_is_one_object_that_is_away_where_it_is_not_drawn(take: Any) -> None:
    video, _ = take(task(5, [brush(block(10, 10))]), task(6, [brush(block(12, 10))]), task(7, []), task(8))
    assert list(visible(video)) == [(1, 5), (1, 6)]
    assert sorted(video.tracks[1]) == [5, 6, 7]  # nobody labelled frame 8


def test_parts_of_an_object_of_ours_are_united(take: Any) -> None:
    row = task("x", [brush(block(10, 10), "car 4", "a"), brush(block(90, 60), "car 4", "b")])
    row["data"] = {"image": "x/00005.jpg", "video": "clip", "frame": 5, "name": "00005", "width": 160, "height": 120}
    video, _ = take(row)
    assert np.array_equal(visible(video)[4, 5], block(10, 10) | block(90, 60))


def test_a_region_that_is_said_twice_is_one(take: Any) -> None:
    bare = brush(block(10, 10), None, "a")
    named = {**bare, "type": "labels", "value": {**bare["value"], "labels": ["car"]}}
    choice = {"id": "a", "type": "choices", "value": {"choices": ["good"]}}
    video, left = take(task(5, [bare, named, choice]))
    assert (len(visible(video)), dict(video.object_names)) == (1, {1: "car"})
    assert left == ("1 result of the type 'choices', which draws nothing that is imported",)


def test_a_region_without_a_label_is_an_object_without_a_name(take: Any) -> None:
    video, _ = take(task(5, [brush(block(10, 10), None, None), brush(block(50, 10), None, None)]))
    assert (len(visible(video)), dict(video.object_names)) == (2, {})


def test_the_last_annotation_that_was_not_skipped_counts(take: Any) -> None:
    row = task(5, [brush(block(0, 0))], [brush(block(10, 10))], [brush(block(50, 50))])
    row["annotations"][2]["was_cancelled"] = True
    row["predictions"] = [{"result": [brush(block(60, 60))]}]
    video, left = take(row)
    assert np.array_equal(visible(video)[1, 5], block(10, 10))
    assert set(left) == {
        "1 brush mask of annotations that were skipped",
        "1 brush mask of annotations beside the one that counts",
        "1 brush mask of predictions beside what counts",
    }
    row["annotations"][0]["ground_truth"] = True
    video, _ = take(row)
    assert np.array_equal(visible(video)[1, 5], block(0, 0))


def test_polygons_ellipses_and_boxes(take: Any) -> None:
    rows = [
        region("polygon", "a", points=[[10, 10], [50, 10], [50, 50], [10, 50]]),
        region("ellipse", "b", x=50, y=50, radiusX=20, radiusY=10, rotation=0),
        region("rectangle", "c", x=25, y=25, width=50, height=25, rotation=0),
        region("rectangle", "d", x=50, y=50, width=25, height=10, rotation=90),
        region("polygon", "e", points=[[10, 10], [50, 10]]),
        region("keypoint", "f", x=3, y=4, width=0.3),
    ]
    video, left = take(task(5, rows))
    masks = visible(video)
    assert masks[1, 5].sum() == 64 * 48
    assert masks[2, 5].sum() == pytest.approx(np.pi * 32 * 12, rel=0.03)
    boxes = {video.object_names[prompt.object_id]: prompt.box for prompt in video.questions[0].prompts}
    assert boxes == {"c": Box(40, 30, 120, 60), "d": Box(68, 60, 80, 100)}  # turned about the upper left corner
    assert set(left) == {
        "1 polygon with 2 points",
        "1 result of the type 'keypointlabels', which draws nothing that is imported",
    }


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/3/1a2b3c4d-clip_00005.jpg",
        "/data/upload/1a2b3c4d-00005.jpg",
        "1a2b3c4d-00005.jpg",
        "https://pictures.example/clip/00005.jpg?token=1#2",
        "s3://bucket/clip/00005.jpg",
        r"C:\frames\clip\00005.jpg",
        "/data/local-files/?d=some%20where/clip/00005.jpg",
    ],
)
def test_addresses_of_pictures(address: str, take: Any) -> None:
    video, _ = take(task(address, [brush(block(10, 10))]))
    assert list(visible(video)) == [(1, 5)]


def test_a_track_of_boxes_counts_frames_from_1_and_two_of_one_label_stay_apart(take: Any) -> None:
    def track(x: int, id: str) -> dict[str, Any]:
        step = {"frame": 3, "enabled": True, "x": x, "y": 10, "width": 20, "height": 20, "rotation": 0}
        return {"id": id, "type": "videorectangle", "value": {"sequence": [step], "labels": ["car"]}}

    row = {"id": 1, "data": {"video": "/data/upload/1/0a1b2c3d-clip.mp4"}}
    video, left = take({**row, "annotations": [{"result": [track(10, "a"), track(50, "b")]}]})
    assert [(one.object_id, one.frame_index) for one in video.questions[0].prompts] == [(1, 2), (2, 2)]
    assert not left


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(region("polygon", points=[[float("nan"), 1], [2, 3], [4, 5]]), "a point: want a number", id="nan"),
        pytest.param(region("polygon", points=[[1e300, 1], [2, 3], [4, 5]]), "a point: want a number", id="far"),
        pytest.param(region("polygon", points="all"), "want points as pairs", id="points as text"),
        pytest.param(region("rectangle", x=1, y=2, width=None, height=3), "a point: want a number", id="no width"),
        pytest.param(region("brush", format="rle", rle=[255] * 9), "its code says 4294967295", id="words"),
        pytest.param(region("brush", format="rle", rle=[1, "x"]), "list of bytes", id="bytes"),
        pytest.param(region("brush", format="rle", rle=encode_brush(block(1, 1))[:-9]), "cut off", id="cut off"),
        pytest.param({**brush(block(1, 1)), "original_width": 10**9}, "the width: want a whole number", id="width"),
        pytest.param({**brush(block(1, 1)), "original_width": 320}, "is drawn on a picture of 320x120", id="size"),
    ],
)
def test_every_error_names_task_and_region(row: dict[str, Any], message: str, take: Any) -> None:
    with pytest.raises(DataError, match=message) as caught:
        take(task(5, [brush(block(1, 1), "other", "o"), row]))
    assert "task 7, region 'r'" in str(caught.value)


def test_a_file_that_brings_nothing_says_what_it_holds(take: Any) -> None:
    with pytest.raises(DataError, match="1 result of the type 'choices'"):
        take(task(5, [{"id": "c", "type": "choices", "value": {"choices": ["good"]}}]))


NUMBERS = st.one_of(
    st.floats(-50, 150), st.just(float("nan")), st.integers(-(2**70), 2**70), st.none(), st.text(max_size=2)
)
STEP = ["frame", "x", "y", "width", "height", "enabled"]
VALUES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("x", "y", "width", "height", "rotation", "radiusX", "radiusY"), NUMBERS),
        "points": st.one_of(NUMBERS, st.lists(st.lists(NUMBERS, max_size=3), max_size=5)),
        "rle": st.one_of(
            NUMBERS, st.lists(st.integers(-1, 256), max_size=30), st.sampled_from([encode_brush(block(5, 5))])
        ),
        "sequence": st.one_of(NUMBERS, st.lists(st.dictionaries(st.sampled_from(STEP), NUMBERS))),
        "brushlabels": st.one_of(NUMBERS, st.lists(st.sampled_from(["car", "dog 2"]), max_size=2)),
        "labels": st.one_of(NUMBERS, st.lists(st.sampled_from(["car", "dog 2"]), max_size=2)),
    },
)  # fmt: skip
TYPES = [
    "brushlabels",
    "brush",
    "polygonlabels",
    "rectangle",
    "ellipselabels",
    "labels",
    "choices",
    "videorectangle",
    3,
]
ROWS = st.one_of(
    NUMBERS,
    st.fixed_dictionaries(
        {"type": st.sampled_from(TYPES), "value": st.one_of(VALUES, NUMBERS)},
        optional={
            "id": st.sampled_from(["a", "b", 1, None]),
            "original_width": st.sampled_from([160, 161, None]),
            "image_rotation": st.sampled_from([0, 90]),
        },
    ),
    st.builds(lambda x, label: brush(block(x, 5), label), st.integers(0, 100), st.sampled_from(["car", "dog 2", None])),
    st.builds(
        lambda x, label: region("rectangle", label, x=x, y=5, width=9, height=9), st.integers(0, 90), st.just("car")
    ),
)


def ours(at: int) -> dict[str, Any]:
    return {"image": f"clip/{at}.jpg", "video": "clip", "frame": at, "name": f"{at}", "width": 160, "height": 120}


ANNOTATIONS = st.one_of(
    NUMBERS,
    st.fixed_dictionaries(
        {"result": st.one_of(NUMBERS, st.lists(ROWS, max_size=3))},
        optional={"was_cancelled": st.booleans(), "ground_truth": st.booleans()},
    ),
)
TASKS = st.one_of(
    NUMBERS,
    st.fixed_dictionaries(
        {
            "data": st.one_of(
                st.just({"video": "clip.mp4"}),
                st.builds(lambda at: {"image": f"clip/{at:05d}.jpg"}, st.integers(0, 70)),
                st.builds(ours, st.integers(0, 70)),
                st.dictionaries(st.sampled_from(["image", "video", "text"]), NUMBERS),
            ),
            "annotations": st.one_of(NUMBERS, st.lists(ANNOTATIONS, max_size=3)),
        },
        optional={"predictions": st.lists(ANNOTATIONS, max_size=1), "id": NUMBERS},
    ),
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(tasks=st.lists(TASKS, max_size=3))
def test_no_file_loses_a_region_unsaid_or_raises_anything_else(
    tasks: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "generated.json"
    file.write_text(json.dumps(tasks))
    tally = ImportTally()
    try:
        videos = list(import_labels(file, "label-studio", own={"clip": CLIP}, tally=tally))
    except DataError:
        return
    taken = sum(tally.taken.values())
    assert sum(tally.found.values()) == taken + sum(tally.left_out.values())
    masks = sum(len(visible(video)) for video in videos)
    prompts = sum(len(question.prompts) for video in videos for question in video.questions)
    assert masks + prompts <= taken
    assert taken == 0 or masks + prompts > 0


@settings(max_examples=300, deadline=None)
@given(code=st.lists(st.integers(0, 255), max_size=60), cut=st.integers(0, 40))
def test_any_code_is_a_mask_or_refused(code: list[int], cut: int) -> None:
    head = encode_brush(np.zeros((3, 4), bool))[:7]
    try:
        assert decode_brush(head[:cut] + code, (4, 3)).shape == (3, 4)
    except ValueError:
        return


def bitmask(mask: np.ndarray, mode: str = "RGBA") -> str:
    """Return the data address of a mask as Label Studio's canvas keeps it."""
    alpha = mask.astype(np.uint8) * 255
    stream = io.BytesIO()
    picture = Image.fromarray(np.stack([alpha] * 4, -1)) if mode == "RGBA" else Image.fromarray(alpha)
    picture.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


@pytest.mark.parametrize("mode", ["RGBA", "L"])
def test_bitmasks_are_masks(mode: str, take: Callable[..., Any]) -> None:
    region_ = region("bitmask", imageDataURL=bitmask(block(30, 40), mode))
    video, left = take(task(12, [region_]))
    assert np.array_equal(decode_mask(video.tracks[1][12].rle), block(30, 40))
    assert not left


@pytest.mark.parametrize(
    ("address", "told"),
    [
        pytest.param("http://x/y.png", "want a bitmask as data:image/png", id="an address elsewhere"),
        pytest.param("data:image/png;base64,AAAA", "no PNG", id="no picture"),
        pytest.param(bitmask(np.ones((9, 9), bool)), "its bitmask is 9x9", id="another size"),
    ],
)
def test_a_bitmask_that_is_none_is_refused_with_its_place(address: str, told: str, take: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=rf"task 7, region 'r': .*{told}"):
        take(task(12, [region("bitmask", imageDataURL=address)]))


def test_a_second_label_of_a_region_is_told(take: Callable[..., Any]) -> None:
    drawn = region("rectangle", x=10, y=20, width=30, height=40)
    drawn["value"]["rectanglelabels"] = ["car", "red"]
    _, left = take(task(12, [drawn]))
    assert left == ("1 label beside the first one of its region",)


def test_boxes_below_a_pixel_are_left_out(take: Callable[..., Any]) -> None:
    tiny, drawn = (region("rectangle", id=str(side), x=1, y=2, width=side, height=side) for side in (0.3, 30))
    _, left = take(task(12, [tiny, drawn]))
    assert left == ("1 box smaller than a pixel, as shares of the picture would be",)


def film(*steps: dict[str, Any], count: int = 60) -> dict[str, Any]:
    """Return a task about the film with one track."""
    value = {"framesCount": count, "sequence": list(steps), "labels": ["car"]}
    result = [{"id": "v", "type": "videorectangle", "value": value}]
    return {"id": 1, "data": {"video": "/data/upload/1/0a1b2c3d-clip.mp4"}, "annotations": [{"result": result}]}


def step(frame: int, x: float = 10, *, enabled: bool = True) -> dict[str, Any]:
    return {"frame": frame, "enabled": enabled, "x": x, "y": 20, "width": 10, "height": 10, "rotation": 0}


def test_a_box_that_is_not_enabled_is_the_last_one_to_be_seen(take: Callable[..., Any]) -> None:
    video, left = take(film(step(1), step(10, 20, enabled=False), step(20, 50)))
    prompts = [prompt for question in video.questions for prompt in question.prompts]
    assert [prompt.frame_index for prompt in prompts] == [0, 9, 19]
    assert not left


def test_frames_counted_at_another_rate_are_refused(take: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="counts 30 frames, its video 'clip' has 60"):
        take(film(step(1), count=30))
    assert take(film(step(1), count=61))[0].info.num_frames == 60

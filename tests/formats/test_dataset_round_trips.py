"""What is written in a format is read back the same, in every format."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.formats.made_datasets import FRAMES, HEIGHT, WIDTH, many_objects, moving, one_object_each, pictures
from veason.formats.datasets import Dataset, WriteExpression, WriteVideo, open_dataset, to_videos, write_dataset
from veason.masks import decode_mask, encode_mask, mask_area

FORMATS = [
    pytest.param("revos", "train", many_objects, id="revos-train"),
    pytest.param("revos", "valid", many_objects, id="revos-valid"),
    pytest.param("mevis", "train", many_objects, id="mevis-train"),
    pytest.param("mevis", "valid_u", many_objects, id="mevis-valid_u"),
    pytest.param("reasonvos", "test", one_object_each, id="reasonvos"),
    pytest.param("ref-youtube-vos", "train", one_object_each, id="ref-youtube-vos-train"),
    pytest.param("ref-davis17", "valid", lambda name, seed: one_object_each(name, seed, times=4), id="ref-davis17"),
]
Make = Callable[[str, int], WriteVideo]


def assert_same(dataset: Dataset, videos: list[WriteVideo]) -> None:
    samples = iter(dataset)
    for video in videos:
        for expression in video.expressions:
            sample = next(samples)
            assert (sample.video, sample.instruction) == (video.name, expression.text)
            assert sample.object_ids == tuple(map(str, expression.object_ids))
            assert sample.frame_names == tuple(video.frame_names)
            assert sample.truth_indices() == tuple(range(len(video.frames)))
            assert all(sample.frame_path(index).is_file() for index in range(len(video.frames)))
            assert (sample.type == "absent") == (not expression.object_ids)
            for index in sample.truth_indices():
                truth = {str(number): video.objects[number][index] for number in expression.object_ids}
                assert sample.object_truth(index) == truth
                union = np.zeros((HEIGHT, WIDTH), bool)
                for rle in truth.values():
                    union |= decode_mask(rle) if rle else False
                assert np.array_equal(sample.truth(index), union)
    assert next(samples, None) is None


@pytest.mark.parametrize(("kind", "split", "make"), FORMATS)
def test_a_made_dataset_is_read_back_the_same(kind: str, split: str, make: Make, tmp_path: Path) -> None:
    videos = [make("clip_a", 1), make("part/clip_b", 2), make("clip 3 ümlaut", 3)]
    if kind == "reasonvos":
        videos = videos[:1] + videos[2:]
    write_dataset(tmp_path, kind, iter(videos), split)
    dataset = open_dataset(tmp_path, kind, split)
    assert_same(dataset, videos)
    assert_same(pickle.loads(pickle.dumps(dataset)), videos)


@pytest.mark.parametrize(("kind", "split", "make"), FORMATS)
def test_samples_written_again_are_the_same_dataset(kind: str, split: str, make: Make, tmp_path: Path) -> None:
    write_dataset(tmp_path / "first", kind, [make("clip_a", 1), make("clip_b", 2)], split)
    write_dataset(tmp_path / "second", kind, to_videos(open_dataset(tmp_path / "first", kind, split)), split)
    for name in sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.*")):
        first, second = tmp_path / "first" / name, tmp_path / "second" / name
        if first.is_file():
            assert first.read_bytes() == second.read_bytes(), name


@pytest.mark.parametrize("kind", ["mevis", "ref-youtube-vos"])
def test_the_server_split_has_expressions_but_no_truth(kind: str, tmp_path: Path) -> None:
    write_dataset(tmp_path, kind, [one_object_each("clip", 1)], "valid")
    sample = open_dataset(tmp_path, kind, "valid")[0]
    assert sample.instruction == "box 1, text 0?"
    assert not sample.has_truth
    assert sample.type is None
    assert sample.frame_path(0).is_file()


def test_train_and_valid_of_revos_share_one_mask_file_and_survive_rewriting_each_other(tmp_path: Path) -> None:
    train, valid = [many_objects("a", 1)], [many_objects("b", 2), many_objects("c", 3)]
    for _ in range(2):
        write_dataset(tmp_path, "revos", train, split="train")
        write_dataset(tmp_path, "revos", valid, split="valid")
    assert_same(open_dataset(tmp_path, "revos", "train"), train)
    assert_same(open_dataset(tmp_path, "revos", "valid"), valid)
    assert len(json.loads((tmp_path / "mask_dict.json").read_text())) == 6
    foreground = json.loads((tmp_path / "mask_dict_foreground.json").read_text())
    assert sorted(foreground) == ["a", "b", "c"]
    assert foreground["a"]["foreground_ratio"][0] == pytest.approx(30 / (WIDTH * HEIGHT))


def test_the_foreground_is_the_same_with_and_without_its_file(tmp_path: Path) -> None:
    write_dataset(tmp_path, "revos", [many_objects("a", 1)])
    sample = open_dataset(tmp_path, "revos")[0]
    stored = [sample.foreground(index) for index in range(FRAMES)]
    (tmp_path / "mask_dict_foreground.json").unlink()
    assert [sample.foreground(index) for index in range(FRAMES)] == stored


def test_published_files_may_be_pretty_printed_and_hold_runs_as_lists(tmp_path: Path) -> None:
    write_dataset(tmp_path, "revos", [many_objects("a", 1)])
    masks = json.loads((tmp_path / "mask_dict.json").read_text())
    for row in masks.values():
        for entry in filter(None, row):
            mask = decode_mask(encode_mask(np.zeros((HEIGHT, WIDTH), bool)))
            mask[2:5, 3:9] = True
            flat = mask.flatten(order="F")
            edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [0]])))
            entry["counts"] = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    (tmp_path / "mask_dict.json").write_text(json.dumps(masks, indent=3))
    assert open_dataset(tmp_path, "revos")[0].truth(0).sum() == 18


def test_a_copy_without_the_pictures_folder_and_with_lists_of_masks_is_read_too(tmp_path: Path) -> None:
    write_dataset(tmp_path, "revos", [many_objects("a", 1)])
    plain = [open_dataset(tmp_path, "revos")[0].truth(index) for index in range(FRAMES)]
    for path in (tmp_path / "JPEGImages").iterdir():
        path.rename(tmp_path / path.name)
    (tmp_path / "JPEGImages").rmdir()
    masks = json.loads((tmp_path / "mask_dict.json").read_text())
    (tmp_path / "mask_dict.json").write_text(
        json.dumps({key: [[m] if m else m for m in row] for key, row in masks.items()})
    )
    foreground = json.loads((tmp_path / "mask_dict_foreground.json").read_text())
    (tmp_path / "mask_dict_foreground.json").write_text(json.dumps(foreground, indent=4))
    sample = open_dataset(tmp_path, "revos")[0]
    assert sample.frame_path(0).is_file()
    assert np.array_equal([sample.truth(index) for index in range(FRAMES)], plain)
    assert mask_area(sample.foreground(1)) == 2 * 6 * 6


def test_opening_reads_no_mask(tmp_path: Path) -> None:
    write_dataset(tmp_path, "revos", [many_objects("a", 1)])
    (tmp_path / "mask_dict.json").write_text("nobody looks here")
    assert len(open_dataset(tmp_path, "revos")) == 4


def test_a_scalar_id_is_read_as_one_object(tmp_path: Path) -> None:
    write_dataset(tmp_path, "mevis", [many_objects("a", 1)], "train")
    file = tmp_path / "train" / "meta_expressions.json"
    content = json.loads(file.read_text())
    row = content["videos"]["a"]["expressions"]["0"]
    row["obj_id"], row["anno_id"] = 0, 0
    file.write_text(json.dumps(content))
    assert open_dataset(tmp_path, "mevis", "train")[0].object_ids == ("0",)


def test_reasonvos_predictions_go_to_a_folder_of_source_video_and_object(tmp_path: Path) -> None:
    write_dataset(tmp_path, "reasonvos", [one_object_each("clip", 1, times=2)])
    keys = [sample.key for sample in open_dataset(tmp_path, "reasonvos")]
    assert keys == ["BURST_clip_1/0", "BURST_clip_1/1", "BURST_clip_2/0", "BURST_clip_2/1"]


def test_reasonvos_scores_only_the_frames_in_the_truth_folder(tmp_path: Path) -> None:
    write_dataset(tmp_path, "reasonvos", [one_object_each("clip", 1)])
    (tmp_path / "Annotations" / "BURST_clip_1" / "00002.png").unlink()
    sample = open_dataset(tmp_path, "reasonvos")[0]
    assert sample.truth_indices() == (0, 1, 3)
    assert len(sample.frame_names) == FRAMES


def test_ref_youtube_vos_valid_leaves_the_test_videos_out(tmp_path: Path) -> None:
    write_dataset(tmp_path, "ref-youtube-vos", [one_object_each("a"), one_object_each("b")], "valid")
    write_dataset(tmp_path, "ref-youtube-vos", [one_object_each("b")], "test")
    assert {sample.video for sample in open_dataset(tmp_path, "ref-youtube-vos", "valid")} == {"a"}


def test_palette_pictures_hold_the_object_number_in_the_davis_colours(tmp_path: Path) -> None:
    write_dataset(tmp_path, "ref-youtube-vos", [one_object_each("a")], "train")
    with Image.open(tmp_path / "train" / "Annotations" / "a" / "00001.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
        assert set(np.unique(np.asarray(picture))) == {0, 1, 2}


def test_frames_given_as_files_are_copied_byte_for_byte(tmp_path: Path) -> None:
    Image.fromarray(pictures(1, 1)[0]).save(tmp_path / "one.jpg", quality=40)
    video = WriteVideo("a", [tmp_path / "one.jpg"], {1: moving(2)[:1]}, [WriteExpression("it", (1,))])
    write_dataset(tmp_path / "out", "revos", [video])
    written = tmp_path / "out" / "JPEGImages" / "a" / "00000.jpg"
    assert written.read_bytes() == (tmp_path / "one.jpg").read_bytes()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_masks_and_texts_survive_revos(data: st.DataObject, tmp_path: Path) -> None:
    masks = st.one_of(
        st.none(),
        st.binary(min_size=HEIGHT * WIDTH // 8, max_size=HEIGHT * WIDTH // 8).map(
            lambda bits: encode_mask(np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(HEIGHT, WIDTH))
        ),
    )
    objects = data.draw(st.dictionaries(st.integers(0, 9), st.lists(masks, min_size=2, max_size=2), max_size=3))
    chosen = st.lists(st.sampled_from(sorted(objects)), unique=True) if objects else st.just([])
    rows = data.draw(st.lists(st.tuples(st.text(max_size=20), chosen), min_size=1, max_size=3))
    video = WriteVideo(
        name=data.draw(st.text("ab_ \"'{}[]:,é", min_size=1, max_size=8)),
        frames=pictures(0, 2),
        objects=objects,
        expressions=[WriteExpression(text, tuple(ids)) for text, ids in rows],
    )
    write_dataset(tmp_path, "revos", [video])
    assert_same(open_dataset(tmp_path, "revos"), [video])

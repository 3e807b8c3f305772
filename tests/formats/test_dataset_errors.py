"""Every broken dataset gives one DataError that names the file, the key and what was expected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.formats.made_datasets import many_objects, moving, one_object_each, pictures
from veason.errors import DataError
from veason.formats.datasets import Dataset, WriteExpression, WriteVideo, open_dataset, write_dataset

META = "meta_expressions_valid_.json"


def read_all(dataset: Dataset) -> None:
    for sample in dataset:
        for index in sample.truth_indices():
            sample.truth(index)
            sample.foreground(index)


def edit(file: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def in_meta(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Break the entry of video clip."""
    return lambda root: edit(root / META, lambda content: change(content["videos"]["clip"]))


def in_row(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Break expression 1 (two objects, reasoning)."""
    return in_meta(lambda video: change(video["expressions"]["1"]))


def in_masks(change: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda root: edit(root / "mask_dict.json", change)


def cut_off(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:-9])


BROKEN = [
    pytest.param(lambda root: (root / META).unlink(), [META, "cannot be read", "split"], id="no-expressions"),
    pytest.param(cut_off(META), [META, "not JSON"], id="expressions-cut-off"),
    pytest.param(lambda root: (root / META).write_text("[]"), [META, "top level", "an object"], id="not-an-object"),
    pytest.param(lambda root: (root / META).write_text('{"videos": {}}'), ["no expression"], id="no-video"),
    pytest.param(lambda root: (root / META).write_text("{}"), [META, "the key 'videos'"], id="no-videos-key"),
    pytest.param(in_meta(lambda v: v.pop("frames")), [META, "videos.clip", "the key 'frames'"], id="no-frames"),
    pytest.param(in_meta(lambda v: v.update(frames=[])), ["videos.clip.frames", "at least one"], id="empty-frames"),
    pytest.param(in_meta(lambda v: v["frames"].reverse()), [META, "videos.clip.frames", "ascending"], id="unsorted"),
    pytest.param(in_meta(lambda v: v.update(height="24")), ["videos.clip.height", "a whole number"], id="height-text"),
    pytest.param(in_meta(lambda v: v.update(expressions=[])), ["videos.clip.expressions", "an object"], id="list"),
    pytest.param(in_row(lambda r: r.pop("exp")), ["expressions.1", "the key 'exp'"], id="no-text"),
    pytest.param(in_row(lambda r: r.update(type_id=7)), ["expressions.1.type_id", "0, 1 or 2", "7"], id="type-7"),
    pytest.param(in_row(lambda r: r.update(anno_id=[1])), ["expressions.1", "as many obj_id"], id="too-few-annos"),
    pytest.param(in_row(lambda r: r.update(anno_id=[0, 99])), ["mask_dict.json", "no key '99'"], id="unknown-anno"),
    pytest.param(lambda root: (root / "mask_dict.json").unlink(), ["mask_dict.json", "cannot be read"], id="no-masks"),
    pytest.param(cut_off("mask_dict.json"), ["mask_dict.json", "cut off"], id="masks-cut-off"),
    pytest.param(in_masks(lambda m: m["0"].pop()), ["mask_dict.json", "key '0'", "4 masks"], id="too-few-masks"),
    pytest.param(in_masks(lambda m: m["0"][1].pop("size")), ["mask_dict.json", "key '0'", "size"], id="no-size"),
    pytest.param(in_masks(lambda m: m["0"].__setitem__(1, 5)), ["mask_dict.json", "key '0'"], id="mask-is-a-number"),
    pytest.param(
        in_masks(lambda m: m["0"][1].update(counts="oo0")),
        ["mask_dict.json", "key '0'", "its code"],
        id="broken-counts",
    ),
    pytest.param(
        in_masks(lambda m: m["0"][1].update(size=[9, 9])), ["mask_dict.json", "key '0'", "its code"], id="wrong-size"
    ),
    pytest.param(
        lambda root: edit(root / META, lambda c: c["videos"].update({"../up": c["videos"]["clip"]})),
        [META, "'../up'", "path below"],
        id="path-outside",
    ),
]


@pytest.mark.parametrize(("damage", "said"), BROKEN)
def test_a_broken_revos_says_which_file_which_key_and_what_was_wanted(
    damage: Callable[[Path], None], said: list[str], tmp_path: Path
) -> None:
    write_dataset(tmp_path, "revos", [many_objects("clip")])
    damage(tmp_path)
    with pytest.raises(DataError) as caught:
        read_all(open_dataset(tmp_path, "revos"))
    for part in said:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "split", "name", "said"),
    [
        pytest.param("reasonvos", "test", "Annotations/BURST_clip_1", "should hold the object's masks", id="reasonvos"),
        pytest.param("ref-youtube-vos", "train", "train/Annotations/clip", "00000.png: is missing", id="ref-ytvos"),
        pytest.param("mevis", "train", "train/mask_dict.json", "cannot be read", id="mevis"),
    ],
)
def test_missing_truth_is_an_error_in_every_format(kind: str, split: str, name: str, said: str, tmp_path: Path) -> None:
    write_dataset(tmp_path, kind, [one_object_each("clip")], split)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=re.escape(said)):
        read_all(open_dataset(tmp_path, kind, split))


def test_a_colour_picture_in_place_of_a_palette_is_an_error(tmp_path: Path) -> None:
    write_dataset(tmp_path, "ref-youtube-vos", [one_object_each("clip")], "train")
    file = tmp_path / "train" / "Annotations" / "clip" / "00000.png"
    Image.fromarray(np.full((24, 32, 3), 9, np.uint8)).save(file)
    with pytest.raises(DataError, match="a colour picture whose ids are lost"):
        open_dataset(tmp_path, "ref-youtube-vos", "train")[0].truth(0)


def test_ref_davis_texts_out_of_order_are_an_error(tmp_path: Path) -> None:
    write_dataset(tmp_path, "ref-davis17", [one_object_each("clip", times=4)])
    file = tmp_path / "meta_expressions" / "valid" / "meta_expressions.json"
    edit(file, lambda content: content["videos"]["clip"]["expressions"]["3"].update(obj_id="2"))
    with pytest.raises(DataError, match=r"expressions\.3\.obj_id: want 1 as expression 0"):
        open_dataset(tmp_path, "ref-davis17")


def test_a_split_without_public_truth_says_so(tmp_path: Path) -> None:
    write_dataset(tmp_path, "mevis", [many_objects("clip")], "valid")
    with pytest.raises(DataError, match="no public ground truth"):
        open_dataset(tmp_path, "mevis", "valid")[0].truth(0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("revoz",), "unknown kind", id="kind"),
        pytest.param(("mevis", "val"), "not 'val'", id="split"),
        pytest.param(("revos",), "not a folder", id="root"),
    ],
)
def test_a_wrong_choice_lists_the_right_ones(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        open_dataset(tmp_path / "none", *arguments)


def overlapping(name: str) -> WriteVideo:
    return WriteVideo(name, pictures(0), {1: moving(2), 2: moving(4)}, [WriteExpression("it", (1,))])


@pytest.mark.parametrize(
    ("kind", "video", "said"),
    [
        pytest.param("ref-youtube-vos", overlapping, "overlaps another on frame 0", id="palette-overlap"),
        pytest.param("ref-youtube-vos", many_objects, "holds exactly one", id="ytvos-two-objects"),
        pytest.param("reasonvos", many_objects, "exactly one an expression", id="reasonvos-two-objects"),
        pytest.param("ref-davis17", one_object_each, "four expressions each", id="davis-not-four"),
    ],
)
def test_a_writer_refuses_what_its_format_cannot_hold(
    kind: str, video: Callable[[str], WriteVideo], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said):
        write_dataset(tmp_path, kind, [video("clip")], "train" if kind == "ref-youtube-vos" else None)
    with pytest.raises(DataError):
        open_dataset(tmp_path, kind, "train" if kind == "ref-youtube-vos" else None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"frames": []}, "no frame", id="no-frame"),
        pytest.param({"frame_names": ["1", "0", "2", "3"]}, "ascending names", id="unsorted-names"),
        pytest.param({"objects": {1: moving(2)[:3]}}, "has 3 masks, want 4", id="masks-too-few"),
        pytest.param(
            {"frames": [*pictures(0, 3), np.zeros((9, 9, 3), np.uint8)]}, r"frame 3 is \(9, 9\)", id="odd-frame"
        ),
        pytest.param({"frames": [np.zeros((9, 9, 3), np.uint8)] * 4}, r"mask of \(H, W\)", id="mask-size"),
        pytest.param({"expressions": [WriteExpression("it", (7,))]}, "names objects", id="unknown-object"),
        pytest.param({"name": "../x"}, "path below", id="name"),
    ],
)
def test_a_video_to_write_is_checked_where_it_is_made(changes: dict[str, Any], said: str) -> None:
    good = {"name": "a", "frames": pictures(0), "objects": {1: moving(2)}, "expressions": [WriteExpression("it", (1,))]}
    with pytest.raises(DataError, match=said):
        WriteVideo(**(good | changes))


def test_writing_cut_short_leaves_no_dataset_that_opens(tmp_path: Path) -> None:
    def videos() -> Any:
        yield many_objects("a")
        raise KeyboardInterrupt

    write_dataset(tmp_path, "revos", [many_objects("a"), many_objects("b")])
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path, "revos", videos())
    with pytest.raises(DataError, match="cannot be read"):
        open_dataset(tmp_path, "revos")

"""Exports in which objects of a question never overlap: who keeps a pixel, and what is counted."""

import numpy as np

from veason.formats.labels.parting import CUT, HIDDEN, parted
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import decode_mask, encode_mask
from veason.shaping import part_overlaps
from veason.types import Rle, VideoInfo

INFO = VideoInfo("", 4, (6, 1), 10.0, 0.0, 0.3, False, "none")


def row(text: str) -> Rle:
    return encode_mask(np.array([[letter == "#" for letter in text]]))


def video(*tracks: dict[int, LabelMask]) -> LabelledVideo:
    by_id = dict(enumerate(tracks, start=1))
    question = LabelledQuestion(name="0", instruction="both", object_ids=tuple(by_id))
    return LabelledVideo(name="clip", info=INFO, questions=(question,), tracks=by_id)


def told(of: LabelledVideo, object_id: int) -> dict[int, str]:
    tracks = of.tracks[object_id]
    return {at: "".join(".#"[int(one)] for one in decode_mask(mask.rle)[0]) for at, mask in tracks.items()}


def test_the_surer_mask_keeps_the_pixel_unless_a_person_drew_the_other() -> None:
    weak, sure = LabelMask(row("####.."), 2.0), LabelMask(row("..####"), 7.0)
    drawn, verified = LabelMask(row("####.."), 2.0, "corrected"), LabelMask(row("####.."), -1.0, "verified")
    before = video({0: weak, 1: drawn, 2: verified, 3: weak}, {0: sure, 1: sure, 2: sure, 3: LabelMask(row("....##"))})
    tally = Tally()
    after = parted(before, tally)
    assert told(after, 1) == {0: "##....", 1: "####..", 2: "####..", 3: "####.."}
    assert told(after, 2) == {0: "..####", 1: "....##", 2: "....##", 3: "....##"}
    assert after.tracks[1][1] is before.tracks[1][1], "whoever keeps all is not touched"
    assert [mask.provenance for mask in after.tracks[1].values()] == [
        "propagated",
        "corrected",
        "verified",
        "propagated",
    ]
    assert (tally.lost[CUT], tally.lost[HIDDEN]) == (6, 0)
    assert told(before, 1)[0] == "####..", "the labels themselves stay"


def test_a_mask_that_lies_wholly_under_another_is_left_out_and_not_called_absent() -> None:
    tally = Tally()
    after = parted(video({0: LabelMask(row("..##.."), 1.0)}, {0: LabelMask(row(".####."), 5.0)}), tally)
    assert (told(after, 1), told(after, 2)) == ({}, {0: ".####."})
    assert (tally.lost[CUT], tally.lost[HIDDEN]) == (2, 1)


def test_equal_scores_go_by_the_lower_id_and_empty_masks_stay() -> None:
    empty = LabelMask(row("......"), -5.0)
    after = parted(video({0: LabelMask(row("###..."), 3.0), 1: empty}, {0: LabelMask(row(".###.."), 3.0)}), Tally())
    assert (told(after, 1), told(after, 2)) == ({0: "###...", 1: "......"}, {0: "...#.."})


def test_the_first_of_several_masks_keeps_what_it_has() -> None:
    masks = [row("##...."), row(".##..."), row("..##..")]
    assert ["".join(".#"[int(one)] for one in decode_mask(rle)[0]) for rle in part_overlaps(masks)] == [
        "##....", "..#...", "...#.."
    ]  # fmt: skip
    assert part_overlaps([]) == []

"""Verdicts: kept line by line, the later word counts, and Cohen's kappa by a hand-computed table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.conftest import Made
from veason.errors import DataError, OptionError
from veason.lab.verdicts import RaterVerdict, Verdicts, as_csv, as_jsonl, hard_negatives, kappa


def say(verdicts: Verdicts, key: str, rater: str, tag: str, note: str = "") -> None:
    verdicts.add(RaterVerdict("run", key, rater, tag, note))


def test_the_later_word_of_a_rater_counts_and_an_empty_tag_takes_it_back(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    assert verdicts.all() == []
    say(verdicts, "a", "ann", "correct")
    say(verdicts, "a", "bob", "ambiguous")
    say(verdicts, "a", "ann", "bad_label", "the mask is of the shadow")
    say(verdicts, "b", "ann", "correct")
    say(verdicts, "b", "ann", "")
    assert [(one.key, one.rater, one.tag) for one in Verdicts(tmp_path).all()] == [
        ("a", "bob", "ambiguous"),
        ("a", "ann", "bad_label"),
    ]
    assert verdicts.of_run("other") == []


def test_a_line_that_a_crash_cut_off_costs_nothing_else(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    say(verdicts, "a", "ann", "correct")
    with verdicts.file.open("ab") as stream:
        stream.write(b'{"run": "run", "key": "b", "ra')
    assert [one.key for one in verdicts.all()] == ["a"]
    say(verdicts, "c", "ann", "correct")
    assert [one.key for one in verdicts.all()] == ["a", "c"]


def test_what_is_no_verdict_is_told(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    with pytest.raises(OptionError, match="unknown tag"):
        say(verdicts, "a", "ann", "nice")
    with pytest.raises(OptionError, match="name of who"):
        say(verdicts, "a", " ", "correct")
    verdicts.file.write_text("[]\n")
    with pytest.raises(DataError, match="line 1"):
        verdicts.all()


def test_kappa_is_that_of_a_table_computed_by_hand() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, expected 0.5, kappa 0.4.
    table = [("correct", "correct")] * 20 + [("correct", "bad_label")] * 5
    table += [("bad_label", "correct")] * 10 + [("bad_label", "bad_label")] * 15
    said = [
        RaterVerdict("run", str(key), rater, tag)
        for key, pair in enumerate(table)
        for rater, tag in zip(("ann", "bob"), pair, strict=True)
    ]
    agreement = kappa([*said, RaterVerdict("run", "99", "ann", "correct")], "ann", "bob")
    assert (agreement.cases, agreement.agreed) == (50, 35)
    assert agreement.kappa == pytest.approx(0.4)
    assert kappa([], "ann", "bob").kappa is None
    alike = [RaterVerdict("run", "a", rater, "correct") for rater in ("ann", "bob")]
    assert kappa(alike, "ann", "bob").kappa is None


def test_exports_are_read_by_spreadsheets_without_running_anything() -> None:
    said = [RaterVerdict("run", "a", "ann", "correct", '=HYPERLINK("x")', 1.0)]
    assert as_csv(said) == 'run,key,rater,tag,note,at\nrun,a,ann,correct,"\'=HYPERLINK(""x"")",1.0\n'
    assert '"note": "=HYPERLINK' in as_jsonl(said)


def test_what_was_judged_wrong_comes_once_with_what_was_answered(made: Made, tmp_path: Path) -> None:
    key = next(key for key, kind in made.told.items() if kind == "absent_answered")
    verdicts = Verdicts(tmp_path)
    for rater, tag in (("ann", "hallucinated_object"), ("bob", "wrong_instance"), ("eve", "correct")):
        verdicts.add(RaterVerdict("liar", key, rater, tag))
    verdicts.add(RaterVerdict("liar", made.dataset[0].key, "ann", "correct"))
    (row,) = hard_negatives(made.lab, verdicts.all())
    assert (row["key"], row["tags"]) == (key, ["hallucinated_object", "wrong_instance"])
    assert (row["absent"], row["instruction"], len(row["boxes_xyxy"])) == (True, "the green block", 1)
    assert row["dataset"]["kind"] == "revos"

"""Lists of instructions as spreadsheets and scripts write them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.project.made import make_frames
from veason.errors import ProjectError
from veason.project import Project
from veason.project.listings import Listing, Wanted, read_instructions
from veason.project.sources import add_videos

CASES = Path(__file__).parents[1] / "cases" / "lines"
ENDS = "a\u2028b\u2029c\u0085d\u000be\u000cf\u001cg"
"""What Python takes for ends of lines, and JSON and CSV for text."""


def read(folder: Path, name: str, content: str | bytes, encoding: str | None = None) -> Listing:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_instructions(folder / name, encoding)


def test_line_feeds_alone_end_a_line_of_json() -> None:
    assert read_instructions(CASES / "q.jsonl").wanted == (
        Wanted("clip.mp4", "the ball\u2028that enters first"),
        Wanted("clip.mp4", "the dog"),
    )


def test_a_quoted_line_break_is_text() -> None:
    assert read_instructions(CASES / "newline.csv").wanted == (Wanted("clip.mp4", "the ball\nthat enters first"),)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_forms_of_tables(separator: str, mark: str, end: str, tmp_path: Path) -> None:
    rows = [["video", "instruction"], ["a.mp4", f'"{ENDS}"; the, "red"\tone|'], ["", "x\ny"]]
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator=end).writerows(rows)
    listing = read(tmp_path, "q.csv", mark + file.getvalue() + end)
    assert listing == Listing((Wanted("a.mp4", rows[1][1]), Wanted("", "x\ny")))


def test_excel_names_its_separator(tmp_path: Path) -> None:
    listing = read(tmp_path, "q.csv", "sep=;\r\nInstruction;Video\r\nball;a\r\n;b\r\n")
    assert listing == Listing((Wanted("a", "ball"),), ("q.csv, line 4: there is no instruction",))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_a_mark_tells_the_encoding(encoding: str, tmp_path: Path) -> None:
    listing = read(tmp_path, "q.csv", "instruction\nder Ball ä\n".encode(encoding))
    assert listing.wanted == (Wanted("", "der Ball ä"),)


@pytest.mark.parametrize("encoding", ["windows-1252", "shift_jis", "gb18030", "windows-1251"])
def test_another_encoding_is_told_not_guessed(encoding: str, tmp_path: Path) -> None:
    words = {
        "windows-1252": "der Ball für dich",
        "shift_jis": "赤いボール",
        "gb18030": "红色的球",
        "windows-1251": "мяч",
    }
    content = f"instruction\n{words[encoding]}\n".encode(encoding)
    with pytest.raises(ProjectError, match=rf"line 2: is not UTF-8 .*{encoding}.*--encoding"):
        read(tmp_path, "q.csv", content)
    assert read(tmp_path, "q.csv", content, encoding).wanted == (Wanted("", words[encoding]),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("video\nball\n", "the column 'instruction' is missing, there is 'video'", id="missing"),
        pytest.param("instruction,vidoe\nball,a\n", "no column is called 'vidoe', and none 'video'", id="misspelt"),
        pytest.param("instruction,instruction\nball,a\n", "comes twice", id="twice"),
        pytest.param('instruction\n"ball\n', "line 2: is not CSV", id="no end of quotes"),
        pytest.param("instruction\nb\0ll\n", "zero bytes", id="zero"),
        pytest.param("", "is empty", id="empty"),
        pytest.param("instruction\n", "holds no instruction: it is empty", id="heading alone"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=message):
        read(tmp_path, "q.csv", text)


def test_every_row_that_is_left_out_is_told_and_the_rest_taken(tmp_path: Path) -> None:
    text = "video,instruction,id\na,ball,1\n,,2\na,one, two,3\na,cube,4\n"
    assert read(tmp_path, "q.csv", text) == Listing(
        (Wanted("a", "ball"), Wanted("a", "cube")),
        (
            "q.csv, line 1: the column 'id' is none of ours",
            "q.csv, line 3: there is no instruction",
            "q.csv, line 4: has 4 cells, the heading 3: quote what holds a ','",
        ),
    )
    lines = [
        '{"instruction": "ball", "video": "a", "id": 3}',
        "",
        "{",
        "[]",
        '{"video": "a"}',
        '{"instruction": ["x"]}',
    ]
    lines += ['{"instruction": "x", "vidoe": "a"}', '{"instruction": "\\ud800"}']
    listing = read(tmp_path, "q.jsonl", "\n".join(lines))
    assert listing.wanted == (Wanted("a", "ball"),)
    told = [line.removeprefix("q.jsonl, line ").split(":")[0] for line in listing.left_out]
    assert told == ["1", "3", "4", "5", "6", "7", "8"]


def test_videos_of_one_name_are_never_mixed_up(tmp_path: Path) -> None:
    make_frames(tmp_path / "a" / "clip")
    make_frames(tmp_path / "b" / "clip", shade=1)
    project = Project.create(tmp_path / "project")
    wanted = [Wanted("clip", "ball", row="q.csv, line 2"), Wanted("b/clip", "cube"), Wanted("d", "dog")]
    added = add_videos(project, [tmp_path / "a", tmp_path / "b"], wanted)
    (question,) = project.library.questions()
    assert project.library.video(question.video_id).path == tmp_path / "b" / "clip"
    assert added.left_out == (
        "q.csv, line 2: the instruction 'ball' is about 'clip', as which 2 videos are known: name its folder as well",
        "the instruction 'dog' is about 'd', which is not in the project",
    )


@pytest.mark.parametrize("name", ["Clip", "cafe\u0301", "a%20b", "a#b?c+d", 'it\'s "one"', "球", "x" * 251])
def test_videos_are_found_by_any_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "v" / name
    make_frames(tmp_path / "v" / "one")
    shutil.move(tmp_path / "v" / "one", folder)
    project = Project.create(tmp_path / "project")
    add_videos(project, [tmp_path / "v"], [Wanted(name, "ball"), Wanted(name.upper(), "cube")], copy=True)
    assert len(project.library.questions()) == 2
    (video,) = project.library.videos()
    assert video.path.is_relative_to(project.folder)
    assert video.path.name.endswith(name)


def test_what_systems_leave_is_no_video(tmp_path: Path) -> None:
    make_frames(tmp_path / "clips" / "a")
    for name in ("._a.mp4", "Thumbs.db", ".DS_Store", "desktop.ini", "__MACOSX/x.png", "a/._00000.png"):
        (tmp_path / "clips" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "clips" / name).write_bytes(b"\0")
    project = Project.create(tmp_path / "project")
    assert add_videos(project, [tmp_path / "clips"], copy=True).num_videos == 1


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1)
)
def test_what_a_script_writes_is_read_back(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    texts = [text.strip() for text in texts if text.strip()] or ["x"]
    folder = tmp_path_factory.getbasetemp()
    lines = "\n".join(json.dumps({"instruction": text}, ensure_ascii=False) for text in texts)
    assert [one.instruction for one in read(folder, "h.jsonl", lines).wanted] == texts
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["instruction", "video"], *([text, ""] for text in texts)])
    assert [one.instruction for one in read(folder, "h.csv", file.getvalue()).wanted] == texts


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=80), name=st.sampled_from(["g.csv", "g.jsonl"]))
def test_any_bytes_are_read_or_refused(content: bytes, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    try:
        read(tmp_path_factory.getbasetemp(), name, content)
    except ProjectError:
        return

"""The file that every benchmark leaves behind."""

import datetime
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import table
from report import write_result


def test_a_result_says_what_was_measured_where_and_when(tmp_path: Path) -> None:
    file = write_result("metrics", {"cold_s": 2.5}, folder=tmp_path / "results")
    date = datetime.date.today().isoformat()
    assert file.name == f"{date}-cpu-metrics.json"
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result["values"] == {"cold_s": 2.5}
    assert (result["name"], result["date"]) == ("metrics", date)
    assert result.keys() >= {"device", "cpu_count", "load_average", "torch", "commit"}
    assert len(result["load_average"]) == 3


def test_an_accelerator_is_named_in_the_file_name(tmp_path: Path) -> None:
    file = write_result("tracking", {}, device="NVIDIA H100 80GB HBM3", folder=tmp_path)
    assert file.name.endswith("-nvidia-h100-80gb-hbm3-tracking.json")
    assert json.loads(file.read_text(encoding="utf-8"))["device"] == "NVIDIA H100 80GB HBM3"


def test_the_table_names_every_row_and_says_of_what_was_not_measured_that_it_was_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "RESULTS", tmp_path)
    assert {line.name.split()[0] for line in table.all_lines()} == {f"P{number}" for number in range(1, 13)}
    assert {line.measured for line in table.all_lines()} == {"not run"}


def test_the_table_takes_a_quiet_result_before_a_newer_loaded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "RESULTS", tmp_path)
    (tmp_path / "2026-11-24-cpu-open.json").write_text('{"name": "quiet"}')
    (tmp_path / "2026-11-25-cpu-open-loaded.json").write_text('{"name": "loaded"}')
    assert table.newest("open") == {"name": "quiet"}

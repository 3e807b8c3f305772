"""The file that every benchmark leaves behind."""

import datetime
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
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

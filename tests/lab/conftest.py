"""One lab for the tests of the lab: a run of the scripted policy that lies, and an honest one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.planted import answer_all, make_dataset, plan_lies
from veason.formats.datasets import Dataset
from veason.lab.importing import import_predictions
from veason.lab.store import Lab

VIDEOS = 80


@dataclass(frozen=True)
class Made:
    """A lab with the runs "liar" and "honest" over one dataset, and which cases were lied about."""

    root: Path
    lab: Lab
    dataset: Dataset
    told: dict[str, str]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("lab")
    dataset = make_dataset(root / "revos", VIDEOS)
    told = plan_lies(dataset)
    lab = Lab(root / "lab")
    import_predictions(lab, "liar", dataset, answer_all(dataset, told, root / "liar"))
    import_predictions(lab, "honest", dataset, answer_all(dataset, {}, root / "honest"))
    return Made(root, lab, dataset, told)

"""The labels that all tests of this folder share; they are frozen."""

from __future__ import annotations

import pytest

from tests.interchange.made import labelled
from veason.interchange import LabelledVideo


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledVideo]:
    return labelled(tmp_path_factory.mktemp("labels"))

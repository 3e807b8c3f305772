"""What all tests share: which groups can run here, and that none of them is skipped unnoticed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine draws slowly; what a test asserts is never how fast.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

MUST_RUN_IN_CI = ("browser", "parity")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip `gpu` tests where there is no CUDA, with the reason."""
    wanted = [item for item in items if item.get_closest_marker("gpu")]
    if not wanted:
        return
    import torch

    if not torch.cuda.is_available():
        for item in wanted:
            item.add_marker(pytest.mark.skip(reason="no CUDA on this machine"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Turn a skip into a failure in CI for the groups that must run there."""
    report = yield
    if report.skipped and os.environ.get("CI") and any(item.get_closest_marker(name) for name in MUST_RUN_IN_CI):
        report.outcome = "failed"
        report.longrepr = f"must not be skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """The folder of real clips with hand-made masks; they are not part of the project."""
    folder = os.environ.get("VEASON_REAL_CLIPS")
    if not folder:
        pytest.skip("VEASON_REAL_CLIPS is not set: no real clips to measure on")
    return Path(folder)

"""What is done now and then while the server runs: what nobody uses any more is closed or deleted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from veason.studio.server.memory import give_back
from veason.studio.server.outbox import Outbox
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.uploads import remove_old_uploads

EVERY_S = 30.0
FILE_AGE_S = 3600.0
"""For so long uploads and files to download stay."""

_LOG = logging.getLogger(__name__)


class Housekeeping:
    """A thread that tidies up until it is stopped.

    Args:
        registry: its unused projects are closed, the old ones and those beyond the budget deleted.
        outbox: its old uploads and files to download are deleted.
        describe: says what is held, for the log.
    """

    def __init__(self, registry: ProjectRegistry, outbox: Outbox, describe: Callable[[], str]) -> None:
        self._registry, self._outbox, self._describe = registry, outbox, describe
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self._thread.is_alive()

    def tidy(self) -> None:
        """Do everything once."""
        self._registry.sweep()
        self._outbox.remove_old(FILE_AGE_S)
        remove_old_uploads(self._outbox.uploads, FILE_AGE_S)
        self._outbox.keep_within()
        give_back()
        _LOG.info(self._describe())

    def close(self) -> None:
        """End within the round that is going on."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(EVERY_S)

    def _work(self) -> None:
        while not self._is_over.wait(EVERY_S):
            try:
                self.tidy()
            except Exception:  # noqa: BLE001  # the next round may do better; a server without this one fills its disk
                _LOG.exception("housekeeping failed")

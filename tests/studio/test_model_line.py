"""The line for the models: visitors in turn, however much one of them asks for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from veason.errors import SessionError
from veason.studio.server.model_line import MOST_WAITING, ModelLine


class Asked:
    """Requests that wait, and the order in which they had the models."""

    def __init__(self, line: ModelLine) -> None:
        self.line, self.served = line, list[str]()
        self._pool = ThreadPoolExecutor(20)

    def ask(self, who: str) -> None:
        """Ask, and return once the request waits."""
        before = self._waiting()
        self._pool.submit(self._use, who)
        while self._waiting() == before:
            time.sleep(0.001)

    def _use(self, who: str) -> None:
        with self.line.visitor(who):
            self.served.append(who)

    def _waiting(self) -> int:
        return sum(map(len, self.line._waiting.values()))

    def end(self) -> list[str]:
        self._pool.shutdown()
        return self.served


def test_visitors_have_their_turn_and_who_asks_much_waits_longest() -> None:
    line = ModelLine()
    asked = Asked(line)
    with line.visitor("first"):
        for who in ("many", "many", "many", "one", "two", "two"):
            asked.ask(who)
    assert asked.end() == ["many", "one", "two", "many", "two", "many"]


def test_one_visitor_cannot_fill_the_line() -> None:
    line = ModelLine()
    asked = Asked(line)
    with line.visitor("first"):
        for _ in range(MOST_WAITING):
            asked.ask("many")
        with pytest.raises(SessionError, match="wait for the models already"), line.visitor("many"):
            pass
        asked.ask("another")
    assert asked.end()[:2] == ["many", "another"]


def test_the_background_waits_for_everybody_and_an_error_gives_the_models_back() -> None:
    line, order = ModelLine(), []

    def background() -> None:
        with line.background():
            order.append("background")

    with line.visitor("first"):
        thread = threading.Thread(target=background)
        thread.start()
        asked = Asked(line)
        asked.ask("second")
        order = asked.served
    asked.end()
    thread.join(5)
    assert order == ["second", "background"]
    with pytest.raises(ZeroDivisionError), line.visitor("third"):
        raise ZeroDivisionError
    with line.visitor("fourth"):
        pass

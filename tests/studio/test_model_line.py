"""The line for the models: visitors in turn, however much one of them asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from veason.errors import SessionError
from veason.studio.server import model_line
from veason.studio.server.model_line import MOST_WAITING, LinePlace, ModelLine


@contextmanager
def served(line: ModelLine, who: str) -> Iterator[None]:
    """Wait for the models and have them for the block."""
    with line.ticket(who, "think") as ticket:
        assert ticket.wait()
        yield


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
        with served(self.line, who):
            self.served.append(who)

    def _waiting(self) -> int:
        return sum(map(len, self.line._waiting.values()))

    def end(self) -> list[str]:
        self._pool.shutdown()
        return self.served


def test_visitors_have_their_turn_and_who_asks_much_waits_longest() -> None:
    line = ModelLine()
    asked = Asked(line)
    with served(line, "first"):
        for who in ("many", "many", "many", "one", "two", "two"):
            asked.ask(who)
    assert asked.end() == ["many", "one", "two", "many", "two", "many"]


def test_one_visitor_cannot_fill_the_line() -> None:
    line = ModelLine()
    asked = Asked(line)
    with served(line, "first"):
        for _ in range(MOST_WAITING):
            asked.ask("many")
        with pytest.raises(SessionError, match="wait for the models already"), served(line, "many"):
            pass
        asked.ask("another")
    assert asked.end()[:2] == ["many", "another"]


def test_the_background_waits_for_everybody_and_an_error_gives_the_models_back() -> None:
    line, order = ModelLine(), []

    def background() -> None:
        with line.background():
            order.append("background")

    with served(line, "first"):
        thread = threading.Thread(target=background)
        thread.start()
        asked = Asked(line)
        asked.ask("second")
        order = asked.served
    asked.end()
    thread.join(5)
    assert order == ["second", "background"]
    with pytest.raises(ZeroDivisionError), served(line, "third"):
        raise ZeroDivisionError
    with served(line, "fourth"):
        pass


def test_a_request_is_told_its_place_and_how_long_it_is_likely_to_take() -> None:
    line = ModelLine()
    with line.ticket("first", "propagate", 10.0) as first:
        assert first.wait(0)
        with line.ticket("second", "propagate", 20.0) as second, line.ticket("second", "propagate", 30.0) as again:
            with line.ticket("third", "think") as third:
                assert not third.wait(0.01)
                assert second.place.ahead == 1
                assert third.place.ahead == 2  # before the second request of the second visitor
                assert again.place == LinePlace(3, None)  # nobody thought yet
                assert third.place.seconds == pytest.approx(30, abs=1)
            assert again.place.ahead == 2


def test_a_request_that_was_given_up_leaves_the_line() -> None:
    line = ModelLine()
    with line.ticket("first", "think") as first:
        assert first.wait()
        with line.ticket("second", "think") as second:
            assert not second.wait(0.01)
        with line.ticket("third", "think") as third:
            assert third.place.ahead == 1
    with line.ticket("fourth", "think") as fourth:
        assert fourth.wait(1)


def test_two_workers_serve_two_at_a_time() -> None:
    line = ModelLine(workers=2)
    with line.ticket("a", "think") as a, line.ticket("b", "think") as b, line.ticket("c", "think") as c:
        assert (a.wait(0), b.wait(0), c.wait(0.01)) == (True, True, False)


def test_the_line_as_a_whole_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_line, "MOST_IN_LINE", 2)
    line = ModelLine()
    with (
        line.ticket("a", "think"),
        line.ticket("b", "think"),
        pytest.raises(SessionError, match="very many wait"),
        line.ticket("c", "think"),
    ):
        pass

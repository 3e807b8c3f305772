"""In which order frames come."""

import pytest

from veason.segmenter.order import NearestFirstOrder


def walk(centre: int, frames: tuple[int, int], lead: int, cursor: int | None = None) -> list[int]:
    order = NearestFirstOrder(centre, frames, lead)
    found = []
    while (index := order.next(centre if cursor is None else cursor)) is not None:
        found.append(index)
    return found


@pytest.mark.parametrize(
    ("centre", "frames", "lead", "cursor", "expected"),
    [
        pytest.param(3, (0, 7), 0, None, [3, 2, 4, 1, 5, 0, 6], id="no lead"),
        pytest.param(3, (0, 9), 2, None, [3, 4, 5, 2, 1, 0, 6, 7, 8], id="lead, then the nearer side"),
        pytest.param(3, (0, 9), 2, 8, [3, 4, 5, 6, 7, 8, 2, 1, 0], id="cursor ahead"),
        pytest.param(0, (0, 4), 2, None, [0, 1, 2, 3], id="first frame"),
        pytest.param(3, (0, 4), 2, None, [3, 2, 1, 0], id="last frame"),
        pytest.param(3, (2, 5), 14, None, [3, 4, 2], id="range shorter than the lead"),
        pytest.param(1, (3, 6), 1, None, [3, 4, 5], id="range after the centre"),
        pytest.param(5, (1, 4), 1, None, [3, 2, 1], id="range before the centre"),
    ],
)
def test_frames_come_by_distance_from_the_cursor_after_the_lead(
    centre: int, frames: tuple[int, int], lead: int, cursor: int | None, expected: list[int]
) -> None:
    assert walk(centre, frames, lead, cursor) == expected


def test_the_cursor_may_move_and_every_frame_still_comes_once() -> None:
    order = NearestFirstOrder(5, (0, 11), 1)
    found = [order.next(cursor) for cursor in (5, 5, 0, 10, 10, 0, 0, 9, 9, 9, 9)]
    assert found == [5, 6, 4, 7, 8, 3, 2, 9, 10, 1, 0]
    assert order.next(0) is None

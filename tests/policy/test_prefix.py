from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicSlidingWindowLayer

from veason.policy.prefix import PrefixCounts, PrefixEntry, PrefixStore, common_length, digest_frames, entry_from_cache
from veason.types import Frame


def reading(ids: str, *, num_layers: int = 2) -> PrefixEntry:
    """Return a reading of one token a letter; each takes 2 * `num_layers` * 16 bytes."""
    keys = torch.tensor([ord(letter) for letter in ids], dtype=torch.float32).view(1, 1, -1, 1).repeat(1, 2, 1, 2)
    return PrefixEntry(tokens(ids), tuple((keys + layer, -keys - layer) for layer in range(num_layers)))


def tokens(ids: str) -> torch.Tensor:
    return torch.tensor([ord(letter) for letter in ids])


@pytest.mark.parametrize(
    ("ids_a", "ids_b", "length"),
    [("abc", "abd", 2), ("abc", "abcd", 3), ("abcd", "abc", 3), ("abc", "xbc", 0), ("", "abc", 0), ("ab", "ab", 2)],
)
def test_the_common_length_ends_at_the_first_difference(ids_a: str, ids_b: str, length: int) -> None:
    assert common_length(tokens(ids_a), tokens(ids_b)) == length


def test_a_start_is_the_first_tokens_and_growing_it_leaves_the_reading_alone() -> None:
    whole = reading("abcd")
    start = whole.start(3)
    assert start.get_seq_length() == 3
    before = [tensor.clone() for pair in whole.layers for tensor in pair]
    for layer in range(2):
        keys, _ = start.update(torch.zeros(1, 2, 5, 2), torch.zeros(1, 2, 5, 2), layer)
        keys.zero_()
    start.crop(-6)
    with_prompt = [tensor for pair in whole.layers for tensor in pair]
    assert all(torch.equal(a, b) for a, b in zip(with_prompt, before, strict=True))
    assert whole.start(4).get_seq_length() == 4


def test_what_was_read_has_one_token_less_than_what_was_written() -> None:
    cache = reading("abcd").start(4)
    read = entry_from_cache(cache, tokens("abcde")[None])
    assert read is not None
    assert torch.equal(read.token_ids, tokens("abcd"))
    assert read.num_bytes == 4 * 2 * 2 * 2 * 2 * 4  # tokens, heads, sizes, keys and values, layers, bytes


def test_a_cache_that_forgets_is_not_kept() -> None:
    cache = DynamicCache()
    cache.layers.append(DynamicSlidingWindowLayer(sliding_window=3))
    cache.update(torch.zeros(1, 1, 5, 2), torch.zeros(1, 1, 5, 2), 0)
    assert entry_from_cache(cache, tokens("abcdef")[None]) is None


def test_one_token_is_always_left_to_read() -> None:
    store = PrefixStore()
    store.put(b"video", reading("abcd"))
    found = store.find(b"video", tokens("abcd"), at_least=0)
    assert found is not None
    assert found[1] == 3


def test_a_reading_that_ends_within_the_pictures_does_not_serve() -> None:
    store = PrefixStore()
    store.put(b"video", reading("abcd"))
    assert store.find(b"video", tokens("abx..."), at_least=3) is None
    assert store.find(b"video", tokens("abcx.."), at_least=3) is not None
    assert store.find(b"other", tokens("abcx.."), at_least=3) is None


def test_its_size_is_told_while_it_is_at_work() -> None:
    store = PrefixStore()
    store.put(b"video", reading("abcd"))
    store.put(b"video", reading("ab"))
    with ThreadPoolExecutor(1) as pool, store._lock:  # a fork of the process would keep what the asking holds
        assert pool.submit(lambda: store.num_bytes).result(10) == reading("ab").num_bytes
    store.clear()
    assert store.num_bytes == 0


def test_the_store_never_holds_more_than_its_budget() -> None:
    one = reading("abcd").num_bytes
    store = PrefixStore(3 * one)
    for number in range(5):
        store.put(bytes([number]), reading("abcd"))
        assert store.num_bytes <= 3 * one
    assert [store.find(bytes([number]), tokens("abcd"), at_least=0) is not None for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    store.put(b"two at once", reading("abcdefgh"))
    assert (len(store), store.num_bytes) == (2, 3 * one)
    store.put(b"too large", reading("a" * 13))
    assert (len(store), store.num_bytes) == (2, 3 * one)
    store.clear()
    assert (len(store), store.num_bytes) == (0, 0)


def test_another_reading_of_the_same_video_takes_the_place_of_the_first() -> None:
    store = PrefixStore()
    store.put(b"video", reading("abcd"))
    store.put(b"video", reading("abxy"))
    found = store.find(b"video", tokens("abxyz"), at_least=0)
    assert found is not None
    assert (found[1], len(store)) == (4, 1)


def frame(index: int = 0, *, value: int = 7, shape: tuple[int, int] = (9, 12), at: tuple[int, int] = (0, 0)) -> Frame:
    image = np.zeros((*shape, 3), np.uint8)
    image[at] = value
    return Frame(index, image)


def test_frames_with_the_same_pixels_have_the_same_digest() -> None:
    assert digest_frames([frame(), frame(4)]) == digest_frames([frame(), frame(4)])
    padded = np.zeros((9, 24, 3), np.uint8)
    padded[0, 0] = 7
    assert digest_frames([Frame(0, padded[:, ::2])]) == digest_frames([frame()])  # however they lie in memory


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([frame(1)], id="index"),
        pytest.param([frame(value=8)], id="value"),
        pytest.param([frame(at=(5, 11))], id="place"),
        pytest.param([frame(shape=(12, 9))], id="shape"),
        pytest.param([frame(), frame()], id="count"),
        pytest.param([], id="none"),
    ],
)
def test_frames_that_differ_have_another_digest(other: list[Frame]) -> None:
    assert digest_frames(other) != digest_frames([frame()])


def test_counts_add_up() -> None:
    counts = PrefixCounts().with_prompt(100, 0).with_prompt(110, 90)
    assert (counts.prompts, counts.prompt_tokens, counts.prefill_tokens, counts.vision_calls) == (2, 210, 120, 1)

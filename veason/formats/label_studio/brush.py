"""Label Studio's run-length code for brush masks: runs of 8-bit words over an RGBA picture, packed into bits.

    32 bits   number of words (width * height * 4)      5 bits  word size - 1      4 x 4 bits  the four run sizes - 1
    then runs: 1 bit "repeat", 2 bits which run size, that many bits of length - 1, the word (or words, not repeated)

Source: thi.ng/rle-pack, and label_studio_sdk.converter.brush, which reads and writes the same.
"""

from __future__ import annotations

import numpy as np

WORD, RUN_SIZES = 8, (3, 4, 8, 16)
_LONGEST = 1 << RUN_SIZES[-1]


def encode_brush(mask: np.ndarray) -> list[int]:
    """Return the bytes of an `(H, W)` bool mask."""
    flat = mask.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    starts = np.concatenate([[0], changes])
    lengths = 4 * np.diff(np.concatenate([starts, [flat.size]]))
    bits = [f"{4 * flat.size:032b}{WORD - 1:05b}", *(f"{size - 1:04b}" for size in RUN_SIZES)]
    for value, length in zip(flat[starts].tolist(), lengths.tolist(), strict=True):
        word = "1" * WORD if value else "0" * WORD
        whole, rest = divmod(length, _LONGEST)
        bits += [f"111{_LONGEST - 1:016b}{word}"] * whole
        if rest:
            which = next(place for place, size in enumerate(RUN_SIZES) if rest <= 1 << size)
            bits.append(f"1{which:02b}{rest - 1:0{RUN_SIZES[which]}b}{word}")
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def decode_brush(code: list[int], size_wh: tuple[int, int]) -> np.ndarray:
    """Return the `(H, W)` bool mask: where the alpha channel is not 0.

    Nothing is made of the code before its length is known to be that of the picture.

    Raises:
        ValueError: the code does not describe a picture of that size.
    """
    width, height = size_wh
    if not all(type(byte) is int and 0 <= byte <= 255 for byte in code):
        raise ValueError("the run-length code of a mask should be a list of bytes, 0 to 255")
    if len(code) > 8 * width * height + 64:
        raise ValueError(f"a run-length code of {len(code)} bytes is more than a mask of {width}x{height} can need")
    text = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        if place > len(text):
            raise ValueError("the run-length code of a mask is cut off")
        return int(text[place - count : place], 2)

    total, word_size = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if total != 4 * width * height:
        raise ValueError(f"a mask of {width}x{height} has {4 * width * height} words, its code says {total}")
    words = np.zeros(total, np.uint8)
    done = 0
    while done < total:
        is_repeated, length = take(1), take(sizes[take(2)]) + 1
        if done + length > total:
            raise ValueError(f"the runs of a mask of {width}x{height} go on after its last pixel")
        if is_repeated:
            words[done : done + length] = take(word_size) != 0
        else:
            words[done : done + length] = [take(word_size) != 0 for _ in range(length)]
        done += length
    return words.reshape(height, width, 4)[..., 3].astype(bool)

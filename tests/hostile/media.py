"""Video files and pictures that are none, name other files, or ask for far more than they hold."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests.hostile.labels import png


def hostile_media(clip: bytes, canary: Path, rng: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of files: playlists, tables that lie, pictures without end, and broken copies of a clip."""
    yield "playlist.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{canary}\n#EXT-X-ENDLIST\n".encode()
    yield "playlist.mp4", f"#EXTM3U\n#EXTINF:1,\n{canary}\n#EXT-X-ENDLIST\n".encode()
    yield "playlist.ts", b"G" + bytes(187) + f"#EXTM3U\n#EXTINF:1,\n{canary}\n".encode()
    yield "concat.txt", f"ffconcat version 1.0\nfile '{canary}'\n".encode()
    yield "concat.mp4", f"ffconcat version 1.0\nfile 'subfile,,start,0,end,9,,:{canary}'\n".encode()
    yield "dash.mpd", f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{canary}</BaseURL></MPD>'.encode()
    yield "subtitles.sub", b"{1}{1}25\n{0}{9}text\n"
    yield "text.mp4", b"\x1b[31mtext" * 400
    yield "image.svg", f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{canary}"/></svg>'.encode()
    yield "sdp.sdp", b"v=0\nm=video 5004 RTP/AVP 96\nc=IN IP4 127.0.0.1\n"
    yield (
        "reference.mov",
        _atom(b"moov", _atom(b"rmra", _atom(b"rmda", _atom(b"rdrf", b"\0" * 4 + b"url " + str(canary).encode())))),
    )
    yield from _tables(clip)
    yield "frames.gif", _gif(100_000)
    yield "frames.png", _moving_png(100_000)
    yield "pages.tiff", _saved("TIFF", pages=200)
    yield "pages.webp", _saved("WEBP", pages=50)
    yield "picture.jpg", _saved("JPEG")
    yield "bomb.png", png(60_000, 60_000)
    yield "wide.png", png(2**31 - 1, 1)
    yield "nothing.png", png(0, 0)
    yield "huge.jpg", _resized_jpeg(65_500, 65_500)
    yield "empty.mp4", b""
    yield "zeros.mp4", bytes(100_000)
    yield "sparse.avi", b"RIFF\xff\xff\xff\x7fAVI " + b"LIST\xff\xff\xff\x7fhdrl" + bytes(2000)
    yield "deep.mkv", b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" * 5000
    yield "deep.mp4", _nested(b"moov", 9000)
    for number in range(count):
        yield f"broken{number}.mp4", _broken(clip, rng)


def _tables(clip: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the clip with tables that say they are very long, and sizes that say they are very large."""
    for table in (b"stts", b"stsz", b"stco", b"stsc", b"ctts", b"stss", b"elst"):
        at = clip.find(table)
        if at > 0:
            for name, value in (("long", 2**31 - 1), ("below-zero", 2**32 - 1)):
                yield f"{table.decode()}-{name}.mp4", clip[: at + 8] + struct.pack(">I", value) + clip[at + 12 :]
    for name, offset, value in (("size", 82, 65_535), ("width", 80, 0)):
        at = clip.find(b"tkhd") + offset
        yield f"{name}.mp4", clip[:at] + struct.pack(">H", value) + clip[at + 2 :]
    at = clip.find(b"avc1")
    if at > 0:
        yield "coded-size.mp4", clip[: at + 28] + struct.pack(">HH", 65_535, 65_535) + clip[at + 32 :]


def _atom(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _nested(kind: bytes, depth: int) -> bytes:
    sizes = [8 * (depth - level) for level in range(depth)]
    return b"\0\0\0\x10ftypisom\0\0\0\0" + b"".join(struct.pack(">I", size) + kind for size in sizes)


def _gif(count: int) -> bytes:
    """Return a GIF of so many pictures of one pixel."""
    frame = b"\x21\xf9\x04\0\x01\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * count + b";"


def _moving_png(count: int) -> bytes:
    """Return an APNG that says it has so many pictures of one pixel."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    pixel = zlib.compress(b"\0\0")
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))]
    parts.append(chunk(b"acTL", struct.pack(">II", count, 0)))
    parts += [chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 1, 1, 0, 0, 1, 10, 0, 0)), chunk(b"IDAT", pixel)]
    for number in range(1, count):
        control = struct.pack(">IIIIIHHBB", 2 * number - 1, 1, 1, 0, 0, 1, 10, 0, 0)
        parts += [chunk(b"fcTL", control), chunk(b"fdAT", struct.pack(">I", 2 * number) + pixel)]
    return b"".join([*parts, chunk(b"IEND", b"")])


def _saved(kind: str, pages: int = 1) -> bytes:
    made = io.BytesIO()
    pictures = [Image.new("RGB", (32, 24), (number % 255, 9, 9)) for number in range(pages)]
    more = {"save_all": True, "append_images": pictures[1:]} if pages > 1 else {}
    pictures[0].save(made, kind, **more)
    return made.getvalue()


def _resized_jpeg(width: int, height: int) -> bytes:
    whole = _saved("JPEG")
    at = whole.find(b"\xff\xc0")
    return whole[: at + 5] + struct.pack(">HH", height, width) + whole[at + 9 :]


def _broken(clip: bytes, rng: random.Random) -> bytes:
    broken = bytearray(clip)
    for _ in range(rng.choice([1, 4, 40])):
        broken[rng.randrange(len(broken))] = rng.randrange(256)
    return bytes(broken[: rng.choice([len(broken), len(broken), rng.randrange(len(broken))])])

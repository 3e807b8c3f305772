"""What a reasoning claims of the target, each claim with its evidence in the answer or the pictures, and its verdict.

Words are read only where they leave one meaning: a claim that cannot be judged is "unknown", never false. English alone
is read. Frames, counts and absence are judged by `veason.consistency`; here are sides and colours, and every claim gets
the place in the text where it is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from veason.consistency import check
from veason.types import Answer, Box

TruthValue = Literal["true", "false", "unknown"]
Topic = Literal["frame", "count", "absence", "side", "colour"]

_TARGET = r"(?:the |this |that |my |our )?(?:target|referred object|described object|object in question|answer)"
_PLACED = (
    r"(?:located|positioned|placed|situated|seen|visible|shown|found|standing|sitting|lying|clearly|mostly|always|still"
    r"|now|also|just|fully|there|somewhere|over|out|up|down|close|the one)"
)
_PICTURE = r"of\s+(?:the\s+)?(?:frame|picture|image|scene|screen|video|view)"
_SIDE = re.compile(
    rf"{_TARGET}(?:\s+[a-z-]+){{0,2}}?\s+(?:is|lies|stands|sits|appears|stays|remains)(?:\s+{_PLACED}){{0,3}}"
    r"\s+(?:on|at|in|to|near)\s+the\s+(?:far\s+|very\s+)?(left|right|top|bottom|upper|lower)(?:[\s-]+(left|right))?"
    rf"(?:[\s-]?hand)?(?:\s+(?:side|half|part|edge|corner|third))?(?:\s+{_PICTURE})?(?=\s*(?:$|[.;!?,)]|and\b))",
    re.IGNORECASE,
)
"""What says where the target itself is, in the picture: other verbs tell of its way, other words of another object."""

_COLOURS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "red": ((345, 360), (0, 15)),
    "orange": ((12, 42),),
    "yellow": ((42, 72),),
    "green": ((72, 165),),
    "cyan": ((165, 200),),
    "blue": ((195, 262),),
    "purple": ((255, 300),),
    "pink": ((295, 350),),
}
"""Hues in degrees that may be called so; neighbours overlap, because people differ. Source: ours."""

_GREYS = {"white", "black", "grey", "gray"}
_COLOUR = re.compile(
    rf"{_TARGET}\s+(?:is|appears|looks)\s+(?:a\s+|an\s+|the\s+)?"
    r"(?:(?:dark|light|bright|deep|pale|mostly|mainly|clearly|all|entirely|very)\s+)?"
    rf"({'|'.join([*_COLOURS, *sorted(_GREYS)])})\b(?!-|'|\s+(?:and|or)\b|\s+[a-z]+['’]s\b)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:not|no|never|neither|nor|none|nothing|without|hardly|rather than|instead of|than|unlike|but|except|if|unless"
    r"|whether|would|could|might|may|should|or|cannot|wrong|false)\b|n['’]t\b",
    re.IGNORECASE,
)
_ELSEWHEN = re.compile(
    r"\b(?:first|initially|beginning|start|starts|end|ends|last|later|then|before|after|when|while|until|early|earlier"
    r"|once|finally|eventually|sometimes|soon|again|previous|next|second|third|fourth|fifth|moment|\d+(?:st|nd|rd|th)"
    r"|\d+\s*s(?:ec(?:onds?)?)?)\b",
    re.IGNORECASE,
)
"""What says that a sentence is about some time of the clip: then it need not hold on the keyframe."""

_FRAME = re.compile(r"\b(?:key\s?)?frame\s*(?:number|index)?\s*#?(\d{1,9})\b(?!\.\d)", re.IGNORECASE)
_COUNTED = re.compile(r"\s*(?:of|out of|/)\s*\d", re.IGNORECASE)

_END = re.compile(r"[.;!?\n]")

_REACH = 400
"""So many characters before and after a claim are read for what hedges it."""

MOST_CLAIMS = 500
"""Further claims of one reasoning are left out."""

_SIDE_MARGIN = 0.1
"""A middle this share of the picture's side across the centre line is on the other side; nearer ones are unknown."""

_LEAST_SHARE = 0.02
"""A colour that fewer of the boxed pixels have than this is not there. Source: ours, and generous on purpose."""

_SATURATED, _BRIGHT, _COLOURED_SHARE = 0.25, 0.2, 0.9


@dataclass(frozen=True, slots=True)
class ReadClaim:
    """One thing that the reasoning says of the target.

    Attributes:
        topic: what it is about.
        start: first character of the words in the thought.
        end: one past the last.
        verdict: whether it holds, "unknown" where it cannot be judged.
        evidence: what it was held against, a sentence.
        finding: the name under which a false claim is counted, "" for others.
    """

    topic: Topic
    start: int
    end: int
    verdict: TruthValue
    evidence: str
    finding: str = ""


def read_claims(
    answer: Answer, shown: Sequence[int], size_wh: tuple[int, int] | None, picture: np.ndarray | None = None
) -> tuple[ReadClaim, ...]:
    """Return the claims of a reasoning, in the order of its text.

    Args:
        answer: as it was read.
        shown: absolute indices of the frames that the policy saw.
        size_wh: size of the video, None where it is not known: then sides are not judged.
        picture: the keyframe as `(H, W, 3)` uint8 RGB, None where it is not at hand: then colours are not judged.
    """
    claims = [*_frames(answer, shown), *_sides(answer, size_wh), *_colours(answer, picture)]
    return tuple(sorted(claims, key=lambda claim: claim.start)[:MOST_CLAIMS])


def contradictions(answer: Answer, shown: Sequence[int], claims: Sequence[ReadClaim]) -> frozenset[str]:
    """Return the names of everything in which the reasoning and the answer part."""
    return frozenset(finding.kind for finding in check(answer, shown, {})) | {
        claim.finding for claim in claims if claim.verdict == "false" and claim.finding
    }


def _frames(answer: Answer, shown: Sequence[int]) -> list[ReadClaim]:
    claims = []
    for match in islice(_FRAME.finditer(answer.thought), MOST_CLAIMS):
        index = int(match[1])
        verdict: TruthValue = "unknown"
        if _COUNTED.match(answer.thought, match.end()):
            evidence = "a place among frames is no frame number"
        elif _is_hedged(answer.thought, match):
            evidence = "the sentence says what is not so, or only might be"
        elif index == answer.keyframe:
            verdict, evidence = "true", f"frame {index} is the keyframe of the answer"
        elif index in shown:
            evidence = f"frame {index} was shown; the answer chose {answer.keyframe}"
        else:
            verdict, evidence = "false", f"frame {index} was not among the frames shown"
        claims.append(ReadClaim("frame", match.start(), match.end(), verdict, evidence))
    return claims


def _sides(answer: Answer, size_wh: tuple[int, int] | None) -> list[ReadClaim]:
    claims = []
    for match in islice(_SIDE.finditer(answer.thought), MOST_CLAIMS):
        if _is_hedged(answer.thought, match) or _is_elsewhen(answer, match):
            continue
        for group in (1, 2):
            if match[group]:
                side = {"upper": "top", "lower": "bottom"}.get(match[group].lower(), match[group].lower())
                verdict, evidence = _judge_side(side, answer.boxes, size_wh)
                claims.append(
                    ReadClaim("side", match.start(group), match.end(group), verdict, evidence, "side_differs")
                )
    return claims


def _judge_side(side: str, boxes: Sequence[Box], size_wh: tuple[int, int] | None) -> tuple[TruthValue, str]:
    if len(boxes) != 1 or size_wh is None:
        return "unknown", "a side is judged where the answer has one box and the picture's size is known"
    (box,) = boxes
    across = (box.x1 + box.x2) / 2 / size_wh[0] if side in ("left", "right") else (box.y1 + box.y2) / 2 / size_wh[1]
    evidence = (
        f"the middle of the box lies {across:.0%} of the way from {'left' if side in ('left', 'right') else 'top'}"
    )
    beyond = across - 0.5 if side in ("left", "top") else 0.5 - across
    if beyond > _SIDE_MARGIN:
        return "false", evidence
    return ("true" if beyond < 0 else "unknown"), evidence


def _colours(answer: Answer, picture: np.ndarray | None) -> list[ReadClaim]:
    claims = []
    for match in islice(_COLOUR.finditer(answer.thought), MOST_CLAIMS):
        if _is_hedged(answer.thought, match) or _is_elsewhen(answer, match):
            continue
        verdict, evidence = _judge_colour(match[1].lower(), answer.boxes, picture)
        claims.append(ReadClaim("colour", match.start(1), match.end(1), verdict, evidence, "colour_differs"))
    return claims


def _judge_colour(name: str, boxes: Sequence[Box], picture: np.ndarray | None) -> tuple[TruthValue, str]:
    if picture is None or not boxes:
        return "unknown", "a colour is judged where the answer has a box and the keyframe can be read"
    pixels = np.concatenate([_inside(box, picture) for box in boxes])
    share = _share_of(name, pixels)
    evidence = f"{share:.0%} of the boxed pixels are {name}"
    if share < _LEAST_SHARE:  # light decides what is white or black: only what is plainly coloured is neither
        is_told = name not in _GREYS or float(np.mean(_is_coloured(pixels))) > _COLOURED_SHARE
        return "false" if is_told else "unknown", evidence
    return ("true" if share > 5 * _LEAST_SHARE else "unknown"), evidence


def _inside(box: Box, picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    x1, y1 = max(int(box.x1), 0), max(int(box.y1), 0)
    x2, y2 = min(max(int(np.ceil(box.x2)), x1 + 1), width), min(max(int(np.ceil(box.y2)), y1 + 1), height)
    return picture[y1:y2, x1:x2].reshape(-1, 3)


def _is_coloured(pixels: np.ndarray) -> np.ndarray:
    """Tell which of `(N, 3)` uint8 RGB pixels have a hue that can be named."""
    brightest, darkest = pixels.max(1).astype(np.float32), pixels.min(1).astype(np.float32)
    told: np.ndarray = (brightest - darkest > _SATURATED * brightest) & (brightest > 255 * _BRIGHT)
    return told


def _share_of(name: str, pixels: np.ndarray) -> float:
    """Return the share of `(N, 3)` uint8 RGB pixels that may be called by the name of a colour."""
    values = pixels.astype(np.float32) / 255
    brightest, darkest = values.max(1), values.min(1)
    spread = brightest - darkest
    saturation = np.divide(spread, brightest, out=np.zeros_like(spread), where=brightest > 0)
    if name in _GREYS:
        is_dull = saturation < 2 * _SATURATED
        within = {"white": brightest > 0.6, "black": brightest < 0.4}.get(name, (brightest > 0.15) & (brightest < 0.9))
        return float(np.mean(is_dull & within | (within & (name == "black"))))
    red, green, blue = values.T
    safe = np.where(spread > 0, spread, 1)
    hue = np.select(
        [brightest == red, brightest == green], [((green - blue) / safe) % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    ) * 60  # fmt: skip
    fits = np.zeros(len(pixels), bool)
    for start, stop in _COLOURS[name]:
        fits |= (hue >= start) & (hue <= stop)
    return float(np.mean(fits & _is_coloured(pixels)))


def _sentence(thought: str, match: re.Match[str]) -> str:
    """Return the sentence of a match, as far as it is read."""
    start, end = max(match.start() - _REACH, 0), min(match.end() + _REACH, len(thought))
    before = max(thought.rfind(sign, start, match.start()) for sign in ".;!?\n")
    after = _END.search(thought, match.end(), end)
    return thought[max(before + 1, start) : after.start() if after else end]


def _is_hedged(thought: str, match: re.Match[str]) -> bool:
    """Tell whether the sentence of a match says what is not so, or only might be."""
    return bool(_NEGATED.search(_sentence(thought, match)))


def _is_elsewhen(answer: Answer, match: re.Match[str]) -> bool:
    """Tell whether the sentence of a match is about another time than that of the keyframe, or may be."""
    sentence = _sentence(answer.thought, match)
    others = (found for found in _FRAME.finditer(sentence) if int(found[1]) != answer.keyframe)
    return bool(_ELSEWHEN.search(sentence)) or next(others, None) is not None

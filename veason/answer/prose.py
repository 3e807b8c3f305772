"""Answers in plain sentences or tables, the last resort: accepted if they name exactly one frame and its boxes."""

from __future__ import annotations

import re

from veason.answer.box_text import boxes_in_words
from veason.answer.characters import to_ascii
from veason.answer.context import AnswerContext
from veason.answer.draft import Draft
from veason.answer.tables import read_table
from veason.answer.thought import find_mentions
from veason.errors import AnswerError
from veason.types import Note

_CLOCK = re.compile(r"(?<![\d:.])(?:[0-9]{1,2}:)?[0-9]{1,2}:[0-9]{2}(?:\.[0-9]{1,6})?(?![\d:])")
_OTHER_LANGUAGES = re.compile(
    r"第\s{0,3}([0-9]{1,9})\s{0,3}[帧幀]"
    r"|(?<![0-9.])([0-9]{1,9})\s{0,3}(?:[帧幀]|フレーム|번?째?\s?프레임|\.\s?kare\w{0,3})"
    r"|(?:кадр[а-яі]{0,3}|bild|einzelbild|im[aá]gen?|image|fotogram[am]{1,2}|quadro|cuadro|フレーム|프레임|[帧幀]"
    r"|kare|klat[ck][aei]|klatce|snímek|snímku|beeld|bildruta|bingkai|khung\s?hình|καρέ|إطار|الإطار|فریم|फ्रेम|פריים"
    r"|เฟรม)"
    r"\s{0,3}(?:n[o°º]\.?\s?|№\s?)?([0-9]{1,9})(?![0-9]|[.,][0-9])",
    re.IGNORECASE,
)


def read_prose(text: str, context: AnswerContext, whole_text: str) -> Draft:
    """Read a text without JSON, with its tags removed.

    Raises:
        AnswerError: it does not name exactly one frame and at least one box. Its `text` is `whole_text`.
    """
    text = to_ascii(text)
    draft = Draft(context)
    if read_table(text, draft, context.keyframe_key, context.boxes_key):
        return draft
    frames, boxes = _frames(text, context), boxes_in_words(text)
    if len(frames) != 1 or not boxes:
        raise AnswerError(
            f"an answer names one frame and its boxes; this text names {len(frames)} frames and {len(boxes)} boxes "
            f"and holds no JSON: ask again",
            whole_text,
        )
    draft.take_keyframe(frames[0])
    for box in boxes:
        draft.take_written(box)
    if not draft.boxes:
        raise AnswerError("no box of this text lies in the picture, and it holds no JSON: ask again", whole_text)
    draft.note(Note("read_from_prose", "the frame and the boxes were read from plain sentences"))
    return draft


def _frames(text: str, context: AnswerContext) -> list[str]:
    """Return the distinct frames that the text names, each as an answer would write it."""
    is_absolute = context.labels == "absolute"
    named = {mention.frame_index for mention in find_mentions(text, context)}
    written = {next(group for group in match.groups() if group) for match in _OTHER_LANGUAGES.finditer(text)}
    named |= {index for label in written if (index := context.frame_of(int(label))) is not None}
    labels = [str(index if is_absolute else context.shown.index(index)) for index in sorted(named)]
    return labels or sorted({match[0] for match in _CLOCK.finditer(text)})

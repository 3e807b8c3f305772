"""Prompts for policies: labelled images first, then the instruction, in the wording of the profile.

Everything that depends only on the frames comes first, so instructions about the same frames share a long prefix.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from veason.answer import AnswerContext
from veason.answer.instructions import format_instructions
from veason.errors import ProfileError, PromptError
from veason.profile import Profile
from veason.types import Box, Turn

PLACEHOLDERS = ("frame_count", "instruction", "width", "height", "keyframe_key", "boxes_key")
"""Placeholders of a template file, in braces; literal braces are doubled. Width and height are those of box space."""


def build_messages(
    profile: Profile, shown: Sequence[int], instruction: str, turns: Sequence[Turn] = ()
) -> list[dict[str, Any]]:
    """Return chat messages; the first user message has a label and an image part per shown frame.

    Args:
        profile: the wording, labels and keys.
        shown: absolute indices of the frames, in the order of their images.
        instruction: the description of the target.
        turns: earlier answers and corrections, oldest first.

    Raises:
        ProfileError: the profile's template file cannot be read or has an unknown placeholder.
    """
    content: list[dict[str, str]] = []
    for place, frame_index in enumerate(shown):
        label = frame_label(profile, frame_index, place)
        content += [{"type": "text", "text": label if place == 0 else f", {label}"}, {"type": "image"}]
    content.append({"type": "text", "text": "\n" + instruction_text(profile, len(shown), instruction)})
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": profile.system},
        {"role": "user", "content": content},
    ]
    for turn in turns:
        messages.append({"role": "assistant", "content": _escape_chat_marks(turn.answer_text)})
        messages.append({"role": "user", "content": _escape_chat_marks(turn.correction)})
    return messages


def frame_label(profile: Profile, frame_index: int, place: int) -> str:
    """Return the text before an image, for example "(17s)". `place` is its 0-based position among the shown frames."""
    return profile.label_form.format(index=frame_index if profile.labels == "absolute" else place)


def instruction_text(profile: Profile, num_shown: int, instruction: str) -> str:
    """Return the text after the images: the profile's template file filled in, or the default wording."""
    instruction = _escape_chat_marks(
        normalize_instruction(instruction) if profile.lowercase_instruction else instruction.strip()
    )
    if profile.prompt_template:
        return _fill_template(Path(profile.prompt_template), profile, num_shown, instruction)
    number = "its frame number in the whole video" if profile.labels == "absolute" else "its place in this list"
    return (
        f"You see {num_shown} frames, taken at even steps from one video. The video counts as one frame per second: "
        f"the timestamp before each image is {number}, counted from 0.\n"
        f'The target is described by this instruction: "{instruction}".\n'
        "Choose the one frame above in which the target can be seen best, and box every object that belongs to the "
        f"target in that frame.\n{format_instructions(profile)}"
    )


def correction_text(keyframe: int | None, boxes: Sequence[Box] | None, context: AnswerContext) -> str:
    """Return the message to the policy after a person corrected its answer: the `correction` of a Turn.

    Args:
        keyframe: absolute index of the correct frame, None if the policy's was correct.
        boxes: the correct boxes in source pixels, () if the target is absent, None if the policy's were correct.
        context: the frames shown and the coordinate spaces, see `veason.answer`.

    Raises:
        PromptError: nothing is corrected, the frame was not shown, or a box is outside the picture.
    """
    parts = []
    if keyframe is not None:
        parts.append(f'"{context.keyframe_key}" is {context.label_of(keyframe)}')
    if boxes is not None and not boxes:
        parts.append(f'the target is in none of the frames, so "{context.boxes_key}" is []')
    elif boxes is not None:
        parts.append(f'"{context.boxes_key}" is {[list(context.to_model(box)) for box in boxes]}')
    if not parts:
        raise PromptError("a correction names another frame, other boxes or both, got neither")
    return (
        f"A person has looked at your answer and corrected it: {' and '.join(parts)}. Think again about the same "
        "frames with this correction, then answer in the same form as before."
    )


def check_instruction(instruction: str) -> str:
    """Return the instruction without surrounding white space. Raises PromptError if it is empty."""
    checked = instruction.strip()
    if not checked:
        raise PromptError("the instruction is empty: describe what to segment, in words")
    return checked


def normalize_instruction(instruction: str) -> str:
    """Return the instruction in lower case, without surrounding spaces and dots.

    >>> normalize_instruction(" The dog that barks. ")
    'the dog that barks'
    """
    return instruction.strip().strip(".").strip().lower()


def unknown_words(instruction: str, vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the instruction that are not in the vocabulary, in order; () for an empty vocabulary.

    Words are sequences of letters and digits, and single symbols such as emoji; case and punctuation do not matter.

    >>> unknown_words("The 2 red zeppelins, zeppelins!", ["the", "red", "ball"])
    ('2', 'zeppelins')
    """
    if not vocabulary:
        return ()
    known = {word.lower() for word in vocabulary}
    return tuple(dict.fromkeys(word for word in words_of(instruction) if word not in known))


def words_of(instruction: str) -> tuple[str, ...]:
    """Return the words of an instruction in lower case: runs of letters and digits, and single symbols.

    >>> words_of("Which DOG, the 2nd?")
    ('which', 'dog', 'the', '2nd')
    """
    found = re.findall(r"[^\W_]+|[^\w\s]", instruction.lower())
    return tuple(one for one in found if one.isalnum() or unicodedata.category(one).startswith("S"))


def _fill_template(path: Path, profile: Profile, num_shown: int, instruction: str) -> str:
    try:
        template = path.read_text(encoding="utf-8").rstrip("\n")
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
    except OSError as error:
        raise ProfileError(f"cannot read the prompt template {path}: {error.strerror}") from error
    except ValueError as error:
        raise ProfileError(f"the prompt template {path} is broken: {error}; write literal braces twice") from error
    unknown = [field for field in fields if field not in PLACEHOLDERS]
    if unknown:
        raise ProfileError(
            f"the prompt template {path} names {{{unknown[0]}}}; known are {', '.join(PLACEHOLDERS)}, "
            "and literal braces are written twice"
        )
    width, height = profile.space_wh
    return template.format(
        frame_count=num_shown,
        instruction=instruction,
        width=width,
        height=height,
        keyframe_key=profile.keyframe_key,
        boxes_key=profile.boxes_key,
    )


def _escape_chat_marks(text: str) -> str:
    """Escape the special tokens of the chat format, so that user text cannot end a message or insert an image."""
    return text.replace("<|", "< |")

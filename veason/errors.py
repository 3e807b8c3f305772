"""The errors a caller can act on.

    VeasonError
    ├── VideoError       a video cannot be opened, or a frame cannot be read
    ├── AnswerError      model text holds no usable answer (carries the raw text)
    ├── PromptError      a box, click or range given by hand makes no sense for this video
    ├── OptionError      an option (sampling, budget, reward weight) holds an impossible value
    ├── ProfileError     a profile file is missing a field or holds a wrong one
    ├── DataError        a dataset on disk is not what its format promises
    ├── SessionError     an edit does not fit the annotation state
    ├── ProjectError     a project folder cannot be opened or written
    ├── ExportError      labels cannot be written in the wanted format
    ├── TrainingError    a training engine stops before its end, or makes something else than was wanted
    ├── EndpointError    a model server cannot be reached, refuses, or breaks off
    ├── FetchError       a model cannot be fetched from the hub
    ├── DeviceError      the accelerator is out of memory or not there
    └── MissingBackend   a library or weight file is not installed

Every message says what was wanted, what came and what to do about it.
"""

from __future__ import annotations

MOST_LETTERS = 2000
"""What is told of a sentence of an error at most; a file may hold a name of a million letters."""

MOST_SENTENCES = 200
"""What an error of many sentences tells of them; the others are counted."""


class VeasonError(Exception):
    """Base of every error that is meant to be shown to a person: a text, or several that stand for one thing each.

    A very long text is cut in the middle, and of very many the first are told and the others counted.
    """

    def __str__(self) -> str:
        told = [_cut(str(sentence)) for sentence in self.args[:MOST_SENTENCES]]
        more = len(self.args) - len(told)
        return "; ".join([*told, f"and {more} more"] if more else told)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 601]}…{text[-600:]}"


class VideoError(VeasonError):
    """A video cannot be opened, is not a video, or a frame of it cannot be read."""


class AnswerError(VeasonError):
    """Model text from which no keyframe and boxes can be read.

    `text` is the whole raw text, so that nothing the model wrote is lost.
    """

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text

    def __reduce__(self) -> tuple[type[AnswerError], tuple[str, str]]:
        """Keep `text` when the error crosses a process border."""
        return type(self), (str(self), self.text)


class PromptError(VeasonError):
    """A box, click, mask or frame range that makes no sense for this video."""


class OptionError(VeasonError):
    """An option, such as a temperature or a memory budget, that holds an impossible value."""


class ProfileError(VeasonError):
    """A checkpoint profile that cannot be read or holds a wrong value."""


class DataError(VeasonError):
    """A benchmark dataset on disk that is not what its format promises."""


class SessionError(VeasonError):
    """An edit that does not fit the annotation state it is applied to."""


class ProjectError(VeasonError):
    """A project folder that cannot be opened, read or written."""


class ExportError(VeasonError):
    """Labels that cannot be written in the wanted format."""


class TrainingError(VeasonError):
    """A training engine that stops before its end, or makes something else than was wanted."""


class EndpointError(VeasonError):
    """A model server that cannot be reached, refuses what is asked, or answers with something else."""


class FetchError(VeasonError):
    """A model that cannot be fetched: the hub is out of reach or refuses, or the disk has no room."""


class DeviceError(VeasonError):
    """The accelerator is out of memory, or is not there."""


class MissingBackend(VeasonError):  # noqa: N818  # it names what is missing, as a person would say it
    """A library or a weight file that is not installed; the message holds the command to type."""

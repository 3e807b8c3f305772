"""What there is to do: a question about a video, named by the content of both and by the models that answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from veason.errors import VideoError


@dataclass(frozen=True, slots=True)
class BatchQuestion:
    """A question as it was asked.

    Attributes:
        video: path or address.
        instruction: what to look for.
        failure: why it cannot be answered, such as a video that is not there; "" where nothing is known of that.
    """

    video: str
    instruction: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One question about one video.

    Attributes:
        key: hexadecimal digest of the video's content, the instruction and the settings: the name of the result.
        video: the file, the folder of its frames, or the address.
        instruction: what to look for.
        digest: of the video's content.
        failure: what the result says where no model is asked.
    """

    key: str
    video: str
    instruction: str
    digest: str = ""
    failure: str = ""


def plan_jobs(asked: Iterable[BatchQuestion], digests: Mapping[str, str | VideoError], settings: str) -> list[Job]:
    """Return the jobs in the order of the questions, the same question about the same place once.

    Two places with the same content share a key, and so a result.

    Args:
        asked: the questions.
        digests: of each video that they name, or why it cannot be read.
        settings: text that changes when the models or their settings do.
    """
    jobs: dict[tuple[str, str], Job] = {}
    for one in asked:
        content = digests.get(one.video, "")
        failure = one.failure or (str(content) if isinstance(content, VideoError) else "")
        # What cannot be read has no content: its place and what is wrong with it stand for it.
        named = f"{one.video}\n{failure}" if failure else content
        key = hashlib.blake2b(f"{named}\n{settings}\n{one.instruction}".encode(), digest_size=16).hexdigest()
        digest = "" if isinstance(content, VideoError) or failure else content
        jobs.setdefault((one.video, one.instruction), Job(key, one.video, one.instruction, digest, failure))
    return list(jobs.values())


def unique_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Return one job a key, the first, in order."""
    found: dict[str, Job] = {}
    for job in jobs:
        found.setdefault(job.key, job)
    return list(found.values())

"""Fetching a model from the hub: how much it is, then file by file, resumable and verified.

The hub's own library lays files out and follows what the hub says of each. It begins a large file anew after every
break; here a part stays beside the whole files until it is complete, and is compared with its hash before it counts.
"""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from huggingface_hub import HfApi, ModelInfo, constants, get_hf_file_metadata, get_session, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils._headers import build_hf_headers

from veason.disk import refusal_of
from veason.errors import FetchError
from veason.hub import cache_folder, repository_folder
from veason.model_use import holding
from veason.models.catalogue import CatalogueModel, similar_models
from veason.models.local import PART_ENDING, check_hub_id, is_sound
from veason.models.machine import free_disk_bytes

HUB_TIMEOUT_S = 8.0
"""For how long the hub is waited for before it counts as out of reach."""

NUM_TRIES, WAIT_S = 5, 1.0
"""How often a file is gone on with after a break of the network, and seconds between."""

BLOCK = 1 << 18
"""Bytes between two looks at whether the fetching was cancelled."""

_NETWORK_ERRORS: tuple[type[Exception], ...] = tuple(
    base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception) and base is not OSError
)
"""What the HTTP client of the hub's library raises: it has been another library from one release to the next."""

_UNREACHABLE: tuple[type[Exception], ...] = (*_NETWORK_ERRORS, OfflineModeIsEnabled, ConnectionError, TimeoutError)

OnBytes = Callable[[int], object]
"""A callback for progress, called with the bytes that are here of all that are wanted."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a model on the hub: `name` in the repository, size in bytes, and whether it is here already."""

    name: str
    num_bytes: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """What has to be fetched of a model, at one revision of its repository.

    Attributes:
        model: the hub id.
        revision: the commit.
        files: all that are needed.
        licence: what the model's page says, "" where it says nothing.
    """

    model: str
    revision: str
    files: tuple[RemoteFile, ...]
    licence: str = ""

    @property
    def num_bytes(self) -> int:
        """Size of all files."""
        return sum(one.num_bytes for one in self.files)

    @property
    def missing_bytes(self) -> int:
        """Size of those that are not here; parts of them may be."""
        return sum(one.num_bytes for one in self.files if not one.is_here)


class FetchCancelled(Exception):  # noqa: N818  # it says what happened, and is no failure
    """The fetching was stopped; what was fetched is kept, and fetching again goes on there."""


def plan_fetch(model: str, patterns: tuple[str, ...]) -> FetchPlan:
    """Ask the hub what a model consists of.

    Args:
        model: a hub id.
        patterns: of the files that are needed.

    Raises:
        OptionError: no model of the hub can be called so.
        FetchError: the hub cannot be reached, has no such model, or wants a licence to be accepted first.
    """
    check_hub_id(model)
    with _told(model):
        info = HfApi().model_info(model, files_metadata=True, timeout=HUB_TIMEOUT_S)
        names = [
            (one.rfilename, int(one.size or 0))
            for one in info.siblings or ()
            if any(fnmatch.fnmatch(one.rfilename, pattern) for pattern in patterns) and "/" not in one.rfilename
        ]
    if not names:
        raise FetchError(f"{model} has no files such as {', '.join(patterns)}: it is no model that Veason can use")
    snapshot = repository_folder(model) / "snapshots" / str(info.sha)
    files = tuple(RemoteFile(name, size, (snapshot / name).is_file()) for name, size in sorted(names))
    return FetchPlan(model, str(info.sha), files, _licence_of(info))


def _licence_of(info: ModelInfo) -> str:
    """Return what a model's card calls its licence: its name beside "other", "" where it says none."""
    card: Any = info.card_data or {}
    said = [card.get(key) for key in ("license", "license_name")]
    named = [" ".join(one.split()) for one in said if isinstance(one, str) and one.isprintable()]
    return ", ".join(dict.fromkeys(one for one in named if one))


def fetch_model(
    plan: FetchPlan, on_bytes: OnBytes = lambda here: None, is_cancelled: Callable[[], bool] = lambda: False
) -> Path:
    """Fetch what is missing and return the folder of the model; the small files come last, so that it is whole then.

    Args:
        plan: of `plan_fetch`.
        on_bytes: called while bytes arrive.
        is_cancelled: looked at for every block that arrives.

    Raises:
        FetchError: the disk has no room, the hub breaks off, a file is not what it should be, or the model was changed.
        FetchCancelled: it was stopped.
    """
    room = free_disk_bytes(cache_folder())
    if room < plan.missing_bytes:
        raise FetchError(
            f"{plan.model} needs {gigabytes(plan.missing_bytes)} on the disk of {cache_folder()}, which has "
            f"{gigabytes(room)} left: make room, or set HF_HOME to another disk"
        )
    done = plan.num_bytes - plan.missing_bytes
    folder = repository_folder(plan.model)
    with _told(plan.model):
        folder.mkdir(parents=True, exist_ok=True)
    with _told(plan.model), holding(plan.model):
        for file in sorted((one for one in plan.files if not one.is_here), key=lambda one: -one.num_bytes):
            _fetch_file(plan, file, _Counted(on_bytes, done), is_cancelled)
            done += file.num_bytes
            on_bytes(done)
    snapshot = folder / "snapshots" / plan.revision
    if not all((snapshot / file.name).is_file() for file in plan.files):
        raise FetchError(f"{plan.model} was changed on the hub while it was fetched: fetch it again")
    return snapshot


@dataclass(frozen=True, slots=True)
class _Counted:
    """Adds the bytes of the files before to those of the one that is fetched."""

    tell: OnBytes
    before: int

    def __call__(self, here: int) -> None:
        self.tell(self.before + here)


def _fetch_file(plan: FetchPlan, file: RemoteFile, on_bytes: OnBytes, is_cancelled: Callable[[], bool]) -> None:
    """Fetch one file into the cache, from where an earlier part ends."""
    url = hf_hub_url(plan.model, file.name, revision=plan.revision)
    said = get_hf_file_metadata(url, timeout=HUB_TIMEOUT_S)
    if not said.etag:
        raise FetchError(f"the hub does not say what {file.name} of {plan.model} should be: try again later")
    blobs = repository_folder(plan.model) / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    blob, part = blobs / said.etag, blobs / f"{said.etag}{PART_ENDING}"
    if not blob.is_file():
        _fetch_blob(said, part, url, on_bytes, is_cancelled)
        if not is_sound(part, said.etag):
            part.unlink()
            raise FetchError(f"{file.name} of {plan.model} did not arrive as it was published: fetch it again")
        part.replace(blob)
    hf_hub_download(plan.model, file.name)  # it is here: this makes its place in the folder, and notes the revision


def _fetch_blob(said: Any, part: Path, url: str, on_bytes: OnBytes, is_cancelled: Callable[[], bool]) -> None:
    """Fetch what is missing of one file; a break in the network is tried again from where it happened."""
    headers = build_hf_headers()
    if urlsplit(said.location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # another host serves the file, and needs no key
    size = int(said.size or 0)
    with part.open("ab") as stream:
        for left in reversed(range(NUM_TRIES)):
            begun = stream.tell()
            if size and begun == size:
                return
            try:
                _fetch_rest(said.location, headers, stream, on_bytes, is_cancelled)
            except _NETWORK_ERRORS:
                if not left and stream.tell() == begun:
                    raise
                stream.flush()
                time.sleep(WAIT_S)
            if size and stream.tell() > size:
                stream.truncate(0)
    if size and part.stat().st_size != size:
        raise FetchError(
            f"the hub breaks off again and again at {gigabytes(part.stat().st_size)}: fetch it again later"
        )


def _fetch_rest(
    location: str, headers: dict[str, str], stream: IO[bytes], on_bytes: OnBytes, is_cancelled: Callable[[], bool]
) -> None:
    """Add to a part what the hub has beyond it; a hub that begins anew is followed."""
    begun = stream.tell()
    asked = {**headers, "Range": f"bytes={begun}-"} if begun else headers
    with get_session().stream("GET", location, headers=asked, timeout=HUB_TIMEOUT_S, follow_redirects=True) as response:
        if response.status_code not in (200, 206):
            raise FetchError(f"{urlsplit(location).netloc} refuses the file ({response.status_code}): try again later")
        if begun and response.status_code == 200:
            stream.truncate(0)
            stream.seek(0)
        for block in response.iter_bytes(BLOCK):
            if is_cancelled():
                raise FetchCancelled
            stream.write(block)
            on_bytes(stream.tell())


@contextmanager
def _told(model: str) -> Iterator[None]:
    """Turn what the hub's library raises into a FetchError that says what to do."""
    try:
        yield
    except GatedRepoError as error:
        raise FetchError(
            f"{model} wants its licence to be accepted: do so at {constants.ENDPOINT}/{model}, then type: hf auth login"
        ) from error
    except (RepositoryNotFoundError, EntryNotFoundError, HFValidationError) as error:
        meant = similar_models(model)
        hint = f"did you mean {' or '.join(meant)}?" if meant else "is the name right? `veason models` lists some"
        raise FetchError(f"{constants.ENDPOINT} has no model {model!r}: {hint}") from error
    except HfHubHTTPError as error:
        raise FetchError(f"{constants.ENDPOINT} refuses {model}: {str(error).splitlines()[0]}") from error
    except _UNREACHABLE as error:
        raise FetchError(unreachable(model)) from error
    except OSError as error:
        raise FetchError(f"cannot fetch {model}: {_advice(error)}") from error


def _advice(error: OSError) -> str:
    """Return what a disk refused, and what to do about it."""
    refused = refusal_of(error, cache_folder())
    if refused is None:
        return error.strerror or str(error)
    return f"{refused}; it goes on where it stopped, and HF_HOME may name a folder on another disk"


def unreachable(model: str) -> str:
    """Return what to do where the hub is out of reach."""
    return (
        f"{constants.ENDPOINT} cannot be reached from here. Where there is a network, type: hf download {model}; then "
        f"copy the folder {repository_folder(model).name} of that machine's cache into {cache_folder()} "
        "(or any folder with the files, and name that)"
    )


def wanted_files(entry: CatalogueModel | None) -> tuple[str, ...]:
    """Return the patterns of the files that are needed of a model, in the list or not."""
    return entry.files if entry is not None else ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")


def gigabytes(num_bytes: float) -> str:
    """Return a size in words.

    >>> gigabytes(7_500_000_000), gigabytes(156_000_000)
    ('7.5 GB', '156 MB')
    """
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"

"""The feature cache: each frame of a video goes through SAM2's image encoder once, whatever is asked of it later."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from veason.errors import OptionError
from veason.segmenter.disk import OwnFolder, read_tensors, write_tensors
from veason.segmenter.frames import ModelFrames
from veason.segmenter.identity import Scope

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

GIB = 1 << 30

FrameKey = tuple[Scope, int]


@dataclass(frozen=True, slots=True)
class FeatureBudget:
    """Bytes that features may take: on the accelerator, in (pinned) memory, and in files. Beyond, they are made anew.

    Source of the default: 16.8 MB a frame at 1024 px in float32 (performance.md 2.3), so 1 GiB holds 64 frames there,
    and 1,020 frames at 256 px.
    """

    gpu: int = 0
    ram: int = GIB
    disk: int = 0

    def __post_init__(self) -> None:
        if min(self.gpu, self.ram, self.disk) < 0:
            raise OptionError(f"a budget is 0 bytes or more, got {self}")


def default_memory(device: torch.device) -> int:
    """Return the bytes of memory that features may take where nobody says: 1 GiB, or a GPU machine's quarter up to 8.

    On a CPU more would save little: small models fit, and large ones take hours anyway.
    """
    if device.type != "cuda" or not hasattr(os, "sysconf"):
        return GIB
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")  # what a container is given, where that is less
    allowed = limit.read_text().strip() if limit.is_file() else "max"
    total = total if allowed == "max" else min(total, int(allowed))
    return min(8 * GIB, total // 4)


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """What a cache holds, in bytes a tier, and what happened to it so far."""

    gpu: int
    ram: int
    disk: int
    hits: int
    misses: int
    dropped: int

    @property
    def total(self) -> int:
        """The bytes of all tiers."""
        return self.gpu + self.ram + self.disk


class FeatureCache:
    """Features by (scope, frame), nearest to the cursor in the fastest tier. Safe to use from several threads.

    When a tier is over its budget, the frame farthest from its video's cursor moves one tier down, or goes. Frames of
    videos that were looked at longer ago are farther than any of the current one.

    Args:
        budget: bytes a tier.
        store: "exact" keeps what the encoder made, so that masks are bit-identical; "bfloat16" takes half of it.
        folder: where files go, for the disk tier; a fresh folder in it is removed at exit.
    """

    def __init__(
        self,
        budget: FeatureBudget | None = None,
        *,
        store: Literal["exact", "bfloat16"] = "exact",
        folder: Path | None = None,
    ) -> None:
        self.budget = budget or FeatureBudget()
        self.constants: dict[Hashable, Any] = {}
        self._store = store
        self._parent = folder
        self._folder: OwnFolder | None = None
        self._lock = threading.RLock()
        self._tiers: list[OrderedDict[FrameKey, _Entry]] = [OrderedDict(), OrderedDict(), OrderedDict()]
        self._budgets = (self.budget.gpu, self.budget.ram, self.budget.disk)
        self._held = [0, 0, 0]
        self._hits = self._misses = self._dropped = self._written = 0
        self._cursors: OrderedDict[Scope, int] = OrderedDict()

    @property
    def usage(self) -> CacheUsage:
        """What is held now."""
        with self._lock:
            return CacheUsage(self._held[0], self._held[1], self._held[2], self._hits, self._misses, self._dropped)

    def look_at(self, scope: Scope, frame_index: int | None = None) -> None:
        """Move the cursor of a video (None: leave it): frames near it stay, and those of other videos go first."""
        with self._lock:
            self._cursors[scope] = self._cursors.get(scope, 0) if frame_index is None else frame_index
            self._cursors.move_to_end(scope)

    def has(self, scope: Scope, frame_index: int) -> bool:
        """Tell whether a frame is held in any tier."""
        with self._lock:
            return any((scope, frame_index) in tier for tier in self._tiers)

    def has_room(self, scope: Scope) -> bool:
        """Tell whether one more frame of a video can be held without another of its own being pushed out."""
        with self._lock:
            own = [entry.num_bytes for tier in self._tiers for key, entry in tier.items() if key[0] == scope]
            return sum(own) + max(own, default=1) <= sum(self._budgets)

    def get(self, scope: Scope, frame_index: int, device: torch.device) -> list[torch.Tensor] | None:
        """Return the levels of a frame on `device`, None where they must be made anew."""
        key = (scope, frame_index)
        with self._lock:
            place = next((place for place, tier in enumerate(self._tiers) if key in tier), None)
            levels = None if place is None else self._tiers[place][key].read()
            if place is None or levels is None:
                if place is not None:
                    self._remove(place, key)  # a file that cannot be trusted
                self._misses += 1
                return None
            self._hits += 1
            dtypes = self._tiers[place][key].dtypes
            self._promote(place, key, levels)
        return [level.to(device, dtype, non_blocking=True) for level, dtype in zip(levels, dtypes, strict=True)]

    def put(self, scope: Scope, frame_index: int, levels: Sequence[torch.Tensor]) -> None:
        """Keep the levels of a frame, as far as the budgets allow."""
        key = (scope, frame_index)
        dtypes = [level.dtype for level in levels]
        kept = [level.detach() if self._store == "exact" else level.detach().bfloat16() for level in levels]
        with self._lock:
            if scope not in self._cursors:
                self.look_at(scope, frame_index)
            if not self.has(scope, frame_index):
                self._insert(0, key, kept, dtypes)

    def forget(self, scope: Scope | None = None) -> None:
        """Drop what is held of one video and model, or everything."""
        with self._lock:
            for place, tier in enumerate(self._tiers):
                for key in [key for key in tier if scope is None or key[0] == scope]:
                    self._remove(place, key)
            for known in [known for known in self._cursors if scope is None or known == scope]:
                del self._cursors[known]
            if scope is None:
                self.constants.clear()

    def close(self) -> None:
        """Drop everything, files too."""
        self.forget()
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _insert(self, place: int, key: FrameKey, levels: list[torch.Tensor], dtypes: list[torch.dtype]) -> None:
        """Put levels into the first tier from `place` on that may hold them, then push out what is too much."""
        if place == 0 and (self._budgets[0] == 0 or levels[0].device.type == "cpu"):
            place = 1
        if place == 1 and self._budgets[1] == 0:
            place = 2
        if place > 2 or self._budgets[place] == 0:
            self._dropped += 1
            return
        entry = self._make_entry(place, levels, dtypes)
        self._tiers[place][key] = entry
        self._held[place] += entry.num_bytes
        while self._held[place] > self._budgets[place]:
            farthest = max(reversed(self._tiers[place]), key=self._distance)  # of equals, the one that came last
            levels_out, dtypes_out = self._tiers[place][farthest].read(), self._tiers[place][farthest].dtypes
            self._remove(place, farthest)
            if place == 2 or levels_out is None:
                self._dropped += 1
            else:
                self._insert(place + 1, farthest, levels_out, dtypes_out)

    def _make_entry(self, place: int, levels: list[torch.Tensor], dtypes: list[torch.dtype]) -> _Entry:
        if place == 2:
            if self._folder is None:
                self._folder = OwnFolder(self._parent)
            self._written += 1
            file = self._folder.path / f"{self._written:08d}.bin"
            return _Entry(dtypes, write_tensors(file, [_own(level.cpu()) for level in levels]), None, file)
        if place == 1 and levels[0].device.type == "cuda":
            levels = [level.cpu().pin_memory() for level in levels]
        owned = [_own(level) for level in levels]
        return _Entry(dtypes, sum(level.nbytes for level in owned), owned, None)

    def _promote(self, place: int, key: FrameKey, levels: list[torch.Tensor]) -> None:
        """Move a frame from a file into memory, if it is nearer than what it would push out."""
        if place != 2 or self._budgets[1] == 0:
            return
        entry = self._tiers[place][key]
        farthest = max(map(self._distance, self._tiers[1]), default=(math.inf, 0))
        has_room = self._held[1] + entry.num_bytes <= self._budgets[1]
        if has_room or self._distance(key) < farthest:
            self._remove(place, key)
            self._insert(1, key, levels, entry.dtypes)

    def _remove(self, place: int, key: FrameKey) -> None:
        entry = self._tiers[place].pop(key)
        self._held[place] -= entry.num_bytes
        if entry.file is not None:
            entry.file.unlink(missing_ok=True)

    def _distance(self, key: FrameKey) -> tuple[float, int]:
        """Return how far a frame is: first how long ago its video was looked at, then frames from the cursor."""
        scope, frame_index = key
        ago = next((ago for ago, known in enumerate(reversed(self._cursors)) if known == scope), math.inf)
        return (ago, abs(frame_index - self._cursors.get(scope, frame_index)))


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """One frame in one tier: as tensors or as a file. `dtypes` are those the encoder gave."""

    dtypes: list[torch.dtype]
    num_bytes: int
    levels: list[torch.Tensor] | None
    file: Path | None

    def read(self) -> list[torch.Tensor] | None:
        return self.levels if self.file is None else read_tensors(self.file)


class FrameFeatures:
    """The `cached_features` of a stock inference state, filled from a FeatureCache.

    Stock keeps the last frame alone; its lookup `get(frame_index, default)` never misses here, so that it never puts
    its own dictionary in place of this one. Of what the encoder makes, the levels after conv_s0 and conv_s1 are kept.
    The picture and the position encodings of the two fine levels are never read: empty views of the right shape stand
    in (88 MB a frame at 1024 px); the encoding of the coarse level is the same for every frame and kept once.
    """

    def __init__(self, model: SAM2VideoPredictor, images: ModelFrames, cache: FeatureCache, scope: Scope) -> None:
        self._model = model
        self._images = images
        self._cache = cache
        self._scope = scope
        self._last: tuple[int, tuple[torch.Tensor, dict[str, list[torch.Tensor]]]] | None = None
        self.num_encoded = 0

    def has(self, frame_index: int) -> bool:
        """Tell whether a frame needs no encoder, and hence no picture."""
        return self._cache.has(self._scope, frame_index)

    def get(self, frame_index: int, default: object = None) -> tuple[torch.Tensor, dict[str, list[torch.Tensor]]]:
        """Return (picture stand-in, backbone output) of a frame, from the cache or from the encoder."""
        if self._last is not None and self._last[0] == frame_index:
            return self._last[1]
        device = self._model.device
        positions = self._cache.constants.get(self._scope[1])
        levels = None if positions is None else self._cache.get(self._scope, frame_index, device)
        if levels is None or positions is None:
            levels, positions = self._encode(frame_index)
        found = (torch.empty(1, 1, 1, 1, device=device), {"backbone_fpn": levels, "vision_pos_enc": positions})
        self._last = (frame_index, found)
        return found

    def _encode(self, frame_index: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the levels of a frame and the position encodings, and keep both."""
        image = self._images[frame_index].to(self._model.device).float().unsqueeze(0)
        made = self._model.forward_image(image)
        self.num_encoded += 1
        positions = self._cache.constants.get(self._scope[1])
        if positions is None:
            coarse = _own(made["vision_pos_enc"][-1].contiguous())  # the very first has other strides than all others
            positions = [coarse.new_zeros(1).expand(fine.shape) for fine in made["vision_pos_enc"][:-1]] + [coarse]
            self._cache.constants[self._scope[1]] = positions
        self._cache.put(self._scope, frame_index, made["backbone_fpn"])
        return list(made["backbone_fpn"]), positions


def _own(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor with storage of its own and its strides kept: a view would hold the whole of another."""
    is_dense = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor if is_dense else tensor.clone(memory_format=torch.preserve_format)

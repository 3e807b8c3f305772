"""The feature cache: each frame of a video goes through SAM2's image encoder only once."""

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
from veason.segmenter.disk import ScratchFolder, read_tensors, write_tensors
from veason.segmenter.frames import ModelFrames
from veason.segmenter.identity import Scope

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

GIB = 1 << 30

FrameKey = tuple[Scope, int]


@dataclass(frozen=True, slots=True)
class FeatureBudget:
    """Maximum bytes of cached features: on the accelerator, in (pinned) memory, and in files.

    Frames that do not fit are encoded again.

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
    """Return the default memory budget in bytes: 1 GiB on a CPU, else a quarter of the memory, at most 8 GiB.

    On a CPU more would save little: small models fit, and large ones take hours in any case.
    """
    if device.type != "cuda" or not hasattr(os, "sysconf"):
        return GIB
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")  # the limit of a container, if that is lower
    allowed = limit.read_text().strip() if limit.is_file() else "max"
    total = total if allowed == "max" else min(total, int(allowed))
    return min(8 * GIB, total // 4)


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """The use of a cache: bytes per tier now, and hits, misses and dropped frames so far."""

    gpu: int
    ram: int
    disk: int
    hits: int
    misses: int
    dropped: int

    @property
    def total(self) -> int:
        """Bytes of all tiers together."""
        return self.gpu + self.ram + self.disk


class FeatureCache:
    """Features by (scope, frame); frames near the cursor are kept in the fastest tier. Thread-safe.

    If a tier exceeds its budget, the frame farthest from its video's cursor moves down one tier, or is dropped from the
    last one. Frames of videos used less recently count as farther than any frame of the current video.

    Args:
        budget: maximum bytes per tier.
        store: "exact" keeps the encoder's output, so that masks are bit-identical; "bfloat16" takes half the memory.
        folder: the parent of the temporary folder of the disk tier, by default the system's.
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
        self._folder: ScratchFolder | None = None
        self._lock = threading.RLock()
        self._tiers: list[OrderedDict[FrameKey, _Entry]] = [OrderedDict(), OrderedDict(), OrderedDict()]
        self._budgets = (self.budget.gpu, self.budget.ram, self.budget.disk)
        self._num_bytes = [0, 0, 0]
        self._hits = self._misses = self._dropped = self._written = 0
        self._cursors: OrderedDict[Scope, int] = OrderedDict()

    @property
    def usage(self) -> CacheUsage:
        """The current use of the cache. It takes no lock, so that a process forked meanwhile finds none held."""
        gpu, ram, disk = self._num_bytes
        return CacheUsage(gpu, ram, disk, self._hits, self._misses, self._dropped)

    def set_cursor(self, scope: Scope, frame_index: int | None = None) -> None:
        """Set a video's cursor, 0-based (None: keep it), and mark the video as the one used last."""
        with self._lock:
            self._cursors[scope] = self._cursors.get(scope, 0) if frame_index is None else frame_index
            self._cursors.move_to_end(scope)

    def has(self, scope: Scope, frame_index: int) -> bool:
        """Tell whether a frame is cached in any tier."""
        with self._lock:
            return any((scope, frame_index) in tier for tier in self._tiers)

    def has_room(self, scope: Scope) -> bool:
        """Tell whether one more frame of a video fits without dropping another frame of the same video."""
        with self._lock:
            own = [entry.num_bytes for tier in self._tiers for key, entry in tier.items() if key[0] == scope]
            return sum(own) + max(own, default=1) <= sum(self._budgets)

    def get(self, scope: Scope, frame_index: int, device: torch.device) -> list[torch.Tensor] | None:
        """Return a frame's feature levels on `device`, or None if the frame must be encoded."""
        key = (scope, frame_index)
        with self._lock:
            place = next((place for place, tier in enumerate(self._tiers) if key in tier), None)
            levels = None if place is None else self._tiers[place][key].read()
            if place is None or levels is None:
                if place is not None:
                    self._remove(place, key)  # the file is corrupt or missing
                self._misses += 1
                return None
            self._hits += 1
            dtypes = self._tiers[place][key].dtypes
            self._promote(place, key, levels)
        return [level.to(device, dtype, non_blocking=True) for level, dtype in zip(levels, dtypes, strict=True)]

    def put(self, scope: Scope, frame_index: int, levels: Sequence[torch.Tensor]) -> None:
        """Store a frame's feature levels, as far as the budgets allow."""
        key = (scope, frame_index)
        dtypes = [level.dtype for level in levels]
        kept = [level.detach() if self._store == "exact" else level.detach().bfloat16() for level in levels]
        with self._lock:
            if scope not in self._cursors:
                self.set_cursor(scope, frame_index)
            if not self.has(scope, frame_index):
                self._insert(0, key, kept, dtypes)

    def forget(self, scope: Scope | None = None) -> None:
        """Drop all features of one scope, or everything."""
        with self._lock:
            for place, tier in enumerate(self._tiers):
                for key in [key for key in tier if scope is None or key[0] == scope]:
                    self._remove(place, key)
            for known in [known for known in self._cursors if scope is None or known == scope]:
                del self._cursors[known]
            if scope is None:
                self.constants.clear()

    def close(self) -> None:
        """Drop everything and remove the files."""
        self.forget()
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _insert(self, place: int, key: FrameKey, levels: list[torch.Tensor], dtypes: list[torch.dtype]) -> None:
        """Store levels in the first allowed tier from `place` on, then move frames down until it fits its budget."""
        if place == 0 and (self._budgets[0] == 0 or levels[0].device.type == "cpu"):
            place = 1
        if place == 1 and self._budgets[1] == 0:
            place = 2
        if place > 2 or self._budgets[place] == 0:
            self._dropped += 1
            return
        entry = self._make_entry(place, levels, dtypes)
        self._tiers[place][key] = entry
        self._num_bytes[place] += entry.num_bytes
        while self._num_bytes[place] > self._budgets[place]:
            farthest = max(reversed(self._tiers[place]), key=self._distance)  # of equals, the one added last
            levels_out, dtypes_out = self._tiers[place][farthest].read(), self._tiers[place][farthest].dtypes
            self._remove(place, farthest)
            if place == 2 or levels_out is None:
                self._dropped += 1
            else:
                self._insert(place + 1, farthest, levels_out, dtypes_out)

    def _make_entry(self, place: int, levels: list[torch.Tensor], dtypes: list[torch.dtype]) -> _Entry:
        if place == 2:
            if self._folder is None:
                self._folder = ScratchFolder(self._parent)
            self._written += 1
            file = self._folder.path / f"{self._written:08d}.bin"
            return _Entry(dtypes, write_tensors(file, [_with_own_storage(level.cpu()) for level in levels]), None, file)
        if place == 1 and levels[0].device.type == "cuda":
            levels = [level.cpu().pin_memory() for level in levels]
        owned = [_with_own_storage(level) for level in levels]
        return _Entry(dtypes, sum(level.nbytes for level in owned), owned, None)

    def _promote(self, place: int, key: FrameKey, levels: list[torch.Tensor]) -> None:
        """Move a frame from a file into memory if it fits or is nearer than the frame that it would replace."""
        if place != 2 or self._budgets[1] == 0:
            return
        entry = self._tiers[place][key]
        farthest = max(map(self._distance, self._tiers[1]), default=(math.inf, 0))
        has_room = self._num_bytes[1] + entry.num_bytes <= self._budgets[1]
        if has_room or self._distance(key) < farthest:
            self._remove(place, key)
            self._insert(1, key, levels, entry.dtypes)

    def _remove(self, place: int, key: FrameKey) -> None:
        entry = self._tiers[place].pop(key)
        self._num_bytes[place] -= entry.num_bytes
        if entry.file is not None:
            entry.file.unlink(missing_ok=True)

    def _distance(self, key: FrameKey) -> tuple[float, int]:
        """Return a frame's distance: how many videos were used since its own, then frames from the cursor."""
        scope, frame_index = key
        ago = next((ago for ago, known in enumerate(reversed(self._cursors)) if known == scope), math.inf)
        return (ago, abs(frame_index - self._cursors.get(scope, frame_index)))


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """One cached frame, as tensors or as a file. `dtypes` are those of the encoder's output."""

    dtypes: list[torch.dtype]
    num_bytes: int
    levels: list[torch.Tensor] | None
    file: Path | None

    def read(self) -> list[torch.Tensor] | None:
        return self.levels if self.file is None else read_tensors(self.file)


class FrameFeatures:
    """The `cached_features` of a stock inference state, filled from a FeatureCache.

    Stock keeps only the last frame. Its lookup `get(frame_index, default)` never misses here, so stock never replaces
    this object by its own dictionary. Only the feature levels after conv_s0 and conv_s1 are stored. The image and the
    position encodings of the two fine levels are never read, so they are replaced by empty views of the right shape
    (88 MB per frame at 1024 px); the encoding of the coarse level is the same for every frame and is stored once.
    """

    def __init__(self, model: SAM2VideoPredictor, images: ModelFrames, cache: FeatureCache, scope: Scope) -> None:
        self._model = model
        self._images = images
        self._cache = cache
        self._scope = scope
        self._last: tuple[int, tuple[torch.Tensor, dict[str, list[torch.Tensor]]]] | None = None
        self.num_encoded = 0

    def has(self, frame_index: int) -> bool:
        """Tell whether a frame is cached, so that neither its image nor the encoder is needed."""
        return self._cache.has(self._scope, frame_index)

    def get(self, frame_index: int, default: object = None) -> tuple[torch.Tensor, dict[str, list[torch.Tensor]]]:
        """Return (placeholder image, backbone output) of a frame, from the cache or from the encoder."""
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
        """Encode a frame; store and return its feature levels and the position encodings."""
        image = self._images[frame_index].to(self._model.device).float().unsqueeze(0)
        made = self._model.forward_image(image)
        self.num_encoded += 1
        positions = self._cache.constants.get(self._scope[1])
        if positions is None:
            coarse = _with_own_storage(
                made["vision_pos_enc"][-1].contiguous()
            )  # its strides differ in the very first call
            positions = [coarse.new_zeros(1).expand(fine.shape) for fine in made["vision_pos_enc"][:-1]] + [coarse]
            self._cache.constants[self._scope[1]] = positions
        self._cache.put(self._scope, frame_index, made["backbone_fpn"])
        return list(made["backbone_fpn"]), positions


def _with_own_storage(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor, copied with its strides if it is a view: a view would keep the whole base tensor in memory."""
    is_dense = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor if is_dense else tensor.clone(memory_format=torch.preserve_format)

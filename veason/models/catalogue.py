"""The models that are known to work, with what they are good for and what they need.

Numbers of weights are rounded: those of Qwen-VL as transformers counts them in networks of the published shapes (on 28
November 2026; the 3B's files and pages about the 7B and the 4B agree), those of SAM 2.1 as its repository gives them.
What has to be fetched is asked of the hub when it is fetched. Any other checkpoint of the same kinds can be used by its
hub id or folder, and is listed once it is here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from veason import hub

ModelKind = Literal["policy", "segmenter"]

UNKNOWN_LICENCE = "not known here: see its page"
OTHER_LICENCE = "“other”: ask the authors"
"""Licences that have no name here. The others are as copies of the cards (Qwen2.5-VL 32B, Qwen3-VL 8B; Seg-Zero:
"other"), pages about the models (the other Qwen; some call the 3B Apache-2.0 as well, here the stricter one counts) and
the sam2 package (SAM 2.1) said on 28 November 2026. The cards of those that are not known could not be reached."""


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model that is known to work.

    Attributes:
        name: what it is chosen by: "nano", or a hub id.
        kind: what it does.
        about: what it is good for, in a line.
        weights: number of weights in millions.
        licence: of the weights.
        clip_mb: memory that a question about a 720p clip of ten seconds takes beside the weights, in megabytes.
        size: class of the model among its kin, such as "7B", for lists that are short of room.
    """

    name: str
    kind: ModelKind
    about: str
    weights: float
    licence: str
    clip_mb: int
    size: str

    @property
    def files(self) -> tuple[str, ...]:
        """Patterns of the files that are needed of its repository."""
        return (*_SAM2_FILES,) if self.name.startswith("facebook/sam2") else _FILES

    @property
    def is_embedded(self) -> bool:
        """Tell whether it comes with the package."""
        return self.name in (hub.NANO, hub.NANO_PHOTO)

    def memory_mb(self, bytes_a_weight: float) -> int:
        """Return the memory that weights and a clip take together, in megabytes."""
        return round(self.weights * bytes_a_weight + self.clip_mb)


_FILES = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")
_SAM2_FILES = ("*.pt",)

_QWEN25 = "names what you describe, with reasons"
_QWEN3 = "newer, and better at places in the picture"

CATALOGUE: tuple[CatalogueModel, ...] = (
    CatalogueModel(
        hub.NANO, "policy", "rendered scenes only; for a first look without downloads", 3.9, "Apache-2.0", 60, "nano"
    ),
    CatalogueModel(
        hub.PUBLISHED_POLICY,
        "policy",
        "trained for this very task on ReVOS: the default",
        3750,
        UNKNOWN_LICENCE,
        2500,
        "3B",
    ),
    CatalogueModel(
        "Qwen/Qwen2.5-VL-3B-Instruct", "policy", _QWEN25, 3750, "Qwen Research, not for commercial use", 2500, "3B"
    ),
    CatalogueModel("Qwen/Qwen2.5-VL-7B-Instruct", "policy", _QWEN25, 8290, "Apache-2.0", 3200, "7B"),
    CatalogueModel("Qwen/Qwen2.5-VL-32B-Instruct", "policy", _QWEN25, 33450, "Apache-2.0", 5000, "32B"),
    CatalogueModel("Qwen/Qwen2.5-VL-72B-Instruct", "policy", _QWEN25, 73400, "Qwen licence", 7000, "72B"),
    CatalogueModel("Qwen/Qwen3-VL-2B-Instruct", "policy", _QWEN3, 2130, "Apache-2.0", 2000, "2B"),
    CatalogueModel("Qwen/Qwen3-VL-4B-Instruct", "policy", _QWEN3, 4440, "Apache-2.0", 2600, "4B"),
    CatalogueModel("Qwen/Qwen3-VL-4B-Thinking", "policy", f"{_QWEN3}; thinks longer", 4440, "Apache-2.0", 3000, "4B"),
    CatalogueModel("Qwen/Qwen3-VL-8B-Instruct", "policy", _QWEN3, 8770, "Apache-2.0", 3400, "8B"),
    CatalogueModel("Qwen/Qwen3-VL-8B-Thinking", "policy", f"{_QWEN3}; thinks longer", 8770, "Apache-2.0", 3800, "8B"),
    CatalogueModel("Qwen/Qwen3-VL-32B-Instruct", "policy", _QWEN3, 33360, "Apache-2.0", 5000, "32B"),
    CatalogueModel(
        "Ricky06662/VisionReasoner-7B",
        "policy",
        "several objects in one picture",
        8290,
        UNKNOWN_LICENCE,
        3200,
        "7B",
    ),
    CatalogueModel("Ricky06662/Seg-Zero-7B", "policy", "one object in one picture", 8290, OTHER_LICENCE, 3200, "7B"),
    CatalogueModel(
        hub.NANO, "segmenter", "quick on two processor cores; rough outlines", 4.2, "Apache-2.0", 120, "nano"
    ),
    CatalogueModel(hub.NANO_PHOTO, "segmenter", "as quick, for real video", 4.5, "Apache-2.0", 140, "nano"),
    CatalogueModel("facebook/sam2.1-hiera-tiny", "segmenter", "the lightest SAM 2.1", 39, "Apache-2.0", 1100, "tiny"),
    CatalogueModel("facebook/sam2.1-hiera-small", "segmenter", "a little more exact", 46, "Apache-2.0", 1150, "small"),
    CatalogueModel(
        "facebook/sam2.1-hiera-base-plus", "segmenter", "exact outlines in the middle", 81, "Apache-2.0", 1300, "base+"
    ),
    CatalogueModel(
        hub.PUBLISHED_SEGMENTER,
        "segmenter",
        "the most exact SAM 2.1: the default with a GPU",
        224,
        "Apache-2.0",
        1700,
        "large",
    ),
)
"""The models, policies first, each kind from the smallest up."""


def known_licence(entry: CatalogueModel | None) -> str:
    """Return the licence that is known of a model whose page names none, in words."""
    if entry is None or entry.licence == UNKNOWN_LICENCE:
        return "ask the authors"
    return f"known here as {entry.licence}"


def similar_models(name: str) -> tuple[str, ...]:
    """Return the names in the list that somebody may have meant, at most three, the likeliest first.

    >>> similar_models("qwen2.5-vl-7b")[0], similar_models("gpt")
    ('Qwen/Qwen2.5-VL-7B-Instruct', ())
    """
    wanted = name.strip().rstrip("/").lower()
    names = {one.name: one.name.lower().rsplit("/", 1)[-1] for one in CATALOGUE}
    part = wanted.rsplit("/", 1)[-1]
    holding = [full for full, short in names.items() if len(part) > 3 and part in short]
    near = difflib.get_close_matches(part, list(names.values()), 3, 0.75)
    return tuple(dict.fromkeys([*holding, *(full for full, short in names.items() if short in near)]))[:3]


def find_model(name: str, kind: ModelKind | None = None) -> CatalogueModel | None:
    """Return the model of that name (and kind), None where it is not in the list."""
    return next((model for model in CATALOGUE if model.name == name and kind in (None, model.kind)), None)

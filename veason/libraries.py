"""Libraries that may be missing: the message with the command to type, written once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from veason.errors import MissingBackend

INSTALL_COMMANDS = {
    "accelerate": "pip install accelerate",
    "av": "pip install av",
    "bitsandbytes": "pip install bitsandbytes",
    "decord": "pip install decord",
    "gradio": 'pip install "gradio>=6.31,<6.32"',
    "huggingface_hub": "pip install huggingface_hub",
    "polars": "pip install polars",
    "matplotlib": "pip install matplotlib",
    "numpy": "pip install numpy",
    "openai": "pip install openai",
    "PIL": "pip install pillow",
    "pyarrow": "pip install pyarrow",
    "pycocotools": "pip install pycocotools",
    "rich": "pip install rich",
    "safetensors": "pip install safetensors",
    "sam2": "SAM2_BUILD_CUDA=0 pip install --no-build-isolation sam2",
    "scipy": "pip install scipy",
    "skimage": "pip install scikit-image",
    "supervision": "pip install supervision",
    "torch": "pip install torch",
    "torchvision": "pip install torchvision",
    "transformers": 'pip install "transformers>=5,<6"',
}
"""How a library is installed, by the name it is imported by."""


def missing_library(error: ModuleNotFoundError) -> MissingBackend | None:
    """Return the error to show instead of `error`, None where no library that Veason asks for is missing."""
    name = (error.name or "").partition(".")[0]
    return MissingBackend(f"{name} is not installed: {INSTALL_COMMANDS[name]}") if name in INSTALL_COMMANDS else None


@contextmanager
def library_imports() -> Iterator[None]:
    """Turn the failed import of a library inside the block into MissingBackend with the command to type."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        if missing is None:
            raise
        raise missing from error


def require_library(name: str, purpose: str) -> None:
    """Raise MissingBackend with the command to type unless the library `name` of INSTALL_COMMANDS can be imported.

    Nothing is loaded. `purpose` tells what needs it, such as "the segmenter".
    """
    if importlib.util.find_spec(name) is None:
        raise MissingBackend(f"{purpose} needs {name}, which is not installed: {INSTALL_COMMANDS[name]}")

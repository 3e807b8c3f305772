"""Messages for missing libraries, with the command that installs them."""

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
    "fsspec": "pip install fsspec",
    "gradio": 'pip install "gradio>=6.31,<6.32"',
    "httpx": "pip install httpx",
    "huggingface_hub": "pip install huggingface_hub",
    "polars": "pip install polars",
    "mcp": 'pip install "mcp>=2,<3"',
    "matplotlib": "pip install matplotlib",
    "numpy": "pip install numpy",
    "openai": "pip install openai",
    "PIL": "pip install pillow",
    "prometheus_client": "pip install prometheus-client",
    "psutil": "pip install psutil",
    "pyarrow": "pip install pyarrow",
    "pycocotools": "pip install pycocotools",
    "ray": 'pip install "ray[data,serve]==2.60.0"',
    "rich": "pip install rich",
    "safetensors": "pip install safetensors",
    "sam2": "SAM2_BUILD_CUDA=0 pip install --no-build-isolation sam2",
    "scipy": "pip install scipy",
    "skimage": "pip install scikit-image",
    "starlette": "pip install starlette uvicorn",
    "supervision": "pip install supervision",
    "timm": "pip install timm",
    "torch": "pip install torch",
    "torchvision": "pip install torchvision",
    "transformers": 'pip install "transformers>=5,<6"',
    "uvicorn": "pip install starlette uvicorn",
}
"""The install command of each library, by its import name."""


def missing_library(error: ModuleNotFoundError) -> MissingBackend | None:
    """Return the error to raise in place of `error`, or None if the module is not in INSTALL_COMMANDS."""
    name = (error.name or "").partition(".")[0]
    return MissingBackend(f"{name} is not installed: {INSTALL_COMMANDS[name]}") if name in INSTALL_COMMANDS else None


@contextmanager
def library_imports() -> Iterator[None]:
    """A context that turns a failed import of a known library into MissingBackend with the install command."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        if missing is None:
            raise
        raise missing from error


def require_library(name: str, purpose: str) -> None:
    """Raise MissingBackend with the install command if a library is not installed. Loads nothing.

    Args:
        name: a key of INSTALL_COMMANDS.
        purpose: the part of Veason that needs it, such as "the segmenter".
    """
    if importlib.util.find_spec(name) is None:
        raise MissingBackend(f"{purpose} needs {name}, which is not installed: {INSTALL_COMMANDS[name]}")

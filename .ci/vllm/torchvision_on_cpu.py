"""Lets torchvision be imported beside a build of torch without CUDA; `make engines` puts it into its environment.

The wheel of torchvision has compiled operators for CUDA builds alone. Without CUDA they are not loaded, and the import
fails where it describes some of them. vLLM resizes pictures with torchvision and needs none of the operators.
"""

from __future__ import annotations

import importlib.abc
import sys


class DefineOperators(importlib.abc.MetaPathFinder):
    """A finder that finds nothing, and defines the operators when torchvision is about to be imported."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Define the operators once, before torchvision is looked for."""
        if fullname != "torchvision":
            return
        sys.meta_path.remove(self)
        import torch

        if torch.version.cuda is None:
            for name in ("nms", "qnms"):
                torch.library.define(
                    f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )


sys.meta_path.insert(0, DefineOperators())

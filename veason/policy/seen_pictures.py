"""How far pictures are from those that a policy was trained on, measured on what its own vision tower makes of them.

The features of a picture are the mean and the spread of its visual tokens, channel by channel. Over the pictures of
the training they have a mean and a covariance; the score of a picture is its Mahalanobis distance from that mean,
divided by the root of the number of features, so that training pictures score about 1. The score of a clip is the mean
over its frames. Source: K. Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and
Adversarial Attacks", NeurIPS 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from veason.errors import ProfileError

_SHRINKAGE = 0.01
"""Share of the mean variance that is added to every direction, so that none is narrower than the pictures can tell."""


def picture_features(tokens: torch.Tensor) -> torch.Tensor:
    """Return `(N, 2 C)` float32 features of N pictures from their visual tokens, `(N, T, C)`."""
    tokens = tokens.float()
    return torch.cat([tokens.mean(1), tokens.std(1)], 1)


@dataclass(frozen=True, slots=True, eq=False)
class SeenPictures:
    """Mean and whitening of the features of the pictures seen in training, and the largest score that is familiar.

    Attributes:
        mean: `(F,)` float32.
        whitening: `(F, F)` float32, which makes the covariance of the features the unit matrix.
        limit: clips that score above it are unlike anything seen.

    Raises:
        ProfileError: the shapes do not fit, or a number is not finite.
    """

    mean: torch.Tensor
    whitening: torch.Tensor
    limit: float

    def __post_init__(self) -> None:
        size = len(self.mean) if self.mean.dim() == 1 else -1
        is_finite = bool(torch.isfinite(self.mean).all()) and bool(torch.isfinite(self.whitening).all())
        if self.whitening.shape != (size, size) or not is_finite or not 0 < self.limit < float("inf"):
            raise ProfileError(
                f"pictures seen in training are a mean (F,), a whitening (F, F) and a limit above 0, all finite; got "
                f"{tuple(self.mean.shape)}, {tuple(self.whitening.shape)} and {self.limit}: write the file again"
            )

    def score(self, features: torch.Tensor) -> float:
        """Return the score of a clip from `(N, F)` features of its frames; about 1 for what was seen."""
        if features.shape[1] != len(self.mean):
            raise ProfileError(
                f"the policy makes {features.shape[1]} features of a picture, those seen in training have "
                f"{len(self.mean)}: the file belongs to other weights"
            )
        white = (features.cpu() - self.mean) @ self.whitening.T
        return float(white.square().mean(1).sqrt().mean())


def fit_seen_pictures(features: torch.Tensor, limit: float) -> SeenPictures:
    """Return what `(N, F)` features of training pictures have in common."""
    mean = features.double().mean(0)
    covariance = torch.cov((features.double() - mean).T)
    covariance += _SHRINKAGE * covariance.diagonal().mean() * torch.eye(len(mean), dtype=torch.double)
    values, directions = torch.linalg.eigh(covariance)
    whitening = directions.T / values.sqrt()[:, None]
    return SeenPictures(mean.float(), whitening.float(), limit)


def write_seen_pictures(seen: SeenPictures, path: Path) -> None:
    """Write a file that `read_seen_pictures` reads."""
    tensors = {"mean": seen.mean, "whitening": seen.whitening.contiguous(), "limit": torch.tensor([seen.limit])}
    save_file(tensors, str(path))


def read_seen_pictures(path: Path) -> SeenPictures:
    """Read the file beside a policy's weights.

    Raises:
        ProfileError: it cannot be read, or does not hold what is wanted.
    """
    try:
        tensors = load_file(str(path))
        return SeenPictures(tensors["mean"].float(), tensors["whitening"].float(), float(tensors["limit"][0]))
    except (OSError, KeyError, IndexError, SafetensorError) as error:
        raise ProfileError(f"cannot read what pictures the policy has seen from {path}: {error!r}") from error

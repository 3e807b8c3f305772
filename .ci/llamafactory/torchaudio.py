"""Stands for torchaudio, which LLaMA-Factory imports at its start and needs for sound alone: there is none here."""

from __future__ import annotations


def __getattr__(name: str) -> object:
    raise AttributeError(f"torchaudio.{name}: sound cannot be read in this environment")

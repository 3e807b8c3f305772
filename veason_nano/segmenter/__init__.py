"""Nano-SAM2: a small SAM 2, the drawn clips it learns from, its losses and its training."""

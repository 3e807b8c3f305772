"""Nano-policy: a small Qwen2.5-VL, its training material, its losses, its stages and GRPO."""

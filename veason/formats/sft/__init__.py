"""Supervised fine-tuning in the sharegpt form of LLaMA-Factory."""

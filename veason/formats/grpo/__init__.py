"""Reinforcement learning in the Parquet form of verl."""

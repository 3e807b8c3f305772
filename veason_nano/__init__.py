"""Nano: a rendered world, its language, and the recipes that train the embedded models on it."""

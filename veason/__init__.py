"""Veason: video object segmentation by language, with the reasoning in view.

Importing this package loads neither torch nor gradio; parts that need them import them on use.
"""

__version__ = "0.1.0"

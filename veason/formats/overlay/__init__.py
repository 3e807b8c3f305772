"""Overlay: an MP4 with the masks drawn in."""

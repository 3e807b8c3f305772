"""YouTube-VIS: one annotation an object."""

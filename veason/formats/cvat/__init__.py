"""CVAT for video 1.1: one XML file a video."""

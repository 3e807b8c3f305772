"""YOLO segmentation: polygons in text files."""

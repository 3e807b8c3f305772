"""COCO: images and annotations that know their video."""

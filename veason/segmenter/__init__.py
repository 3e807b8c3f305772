"""Video segmenters: SAM2 behind the Segmenter protocol."""

"""What the formats of benchmark datasets share."""

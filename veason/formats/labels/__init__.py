"""What the formats of labels share."""

"""ReVOS: instructions of any number of objects, with masks as run-length code."""

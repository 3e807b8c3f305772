"""The language of the toy world: claims that are measured, questions, reasoning, and the check of both."""

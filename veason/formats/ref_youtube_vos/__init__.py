"""Ref-YouTube-VOS: one object an instruction, masks in palette pictures."""

"""ReasonVOS: one object an instruction, masks in grey pictures."""

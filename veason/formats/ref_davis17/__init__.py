"""Ref-DAVIS17: the files of Ref-YouTube-VOS, with four instructions an object."""

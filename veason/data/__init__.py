"""Benchmark datasets: one file a format, reader and writer, all giving the same `Sample`.

dataset = open_dataset("ReVOS", "revos")          # reads the expressions; masks decode when asked for
dataset[0].truth(12)                              # (H, W) bool

write_revos("made", videos, split="train")        # an iterable of WriteVideo, taken one at a time
"""

from veason.data.revos import write_revos
from veason.data.write import WriteExpression, WriteVideo

__all__ = ["WriteExpression", "WriteVideo", "write_revos"]

"""The annotation of one question: a frozen State, the edits that lead from one to the next, and what follows of them.

Nothing here knows a disk, a page or a model.

state = State(num_frames=96)
state = apply(state, PutPrompt(Prompt(1, 4, box=Box(10, 10, 60, 60))))
state.pending                      # {1: ((0, 96),)}: the frames whose masks do not follow from the prompts yet

state.py       State and what can be read from it; runs of frames
edits.py       the edits, one class each
objects.py     edits of whole objects: duplicate, merge
shapes.py      tools that a person uses on masks: clean, combine, copy to frames, interpolate
kept.py        which masks stay although their clicks would give other ones by now
marks.py       what a person says of masks, and the masks that settles
left_open.py   what nobody has looked at or said yet
pending.py     which masks wait to be computed after an edit
apply.py       apply: the state after an edit
difference.py  what differs between two states, in plain values, and the way back: undo
recompute.py   RecomputePlan: which masks to compute, job after job
settling.py    when a run may end early, as masks come out as they were
followed.py    what is kept of runs: which edits masks have followed, how far, and what was left as it was
words.py       what an edit is called in the lists of undo and redo
"""

from veason.annotation.apply import apply
from veason.annotation.edits import (
    EDITS,
    Asked,
    Classed,
    Drawn,
    DropPrompt,
    Duplicated,
    Edit,
    GotAnswer,
    GotMasks,
    Locked,
    Marked,
    Merged,
    MoveKeyframe,
    Named,
    Occluded,
    PutPrompt,
    Reasoned,
    Reworded,
    Settled,
    Tracked,
    subject,
)
from veason.annotation.recompute import RecomputePlan, RecomputeRequest, TrackJob
from veason.annotation.state import FrameRuns, Mark, Place, Provenance, Reasoning, State

__all__ = [
    "EDITS",
    "Asked",
    "Classed",
    "Drawn",
    "DropPrompt",
    "Duplicated",
    "Edit",
    "FrameRuns",
    "GotAnswer",
    "GotMasks",
    "Locked",
    "Mark",
    "Marked",
    "Merged",
    "MoveKeyframe",
    "Named",
    "Occluded",
    "Place",
    "Provenance",
    "PutPrompt",
    "Reasoned",
    "Reasoning",
    "RecomputePlan",
    "RecomputeRequest",
    "Reworded",
    "Settled",
    "State",
    "TrackJob",
    "Tracked",
    "apply",
    "subject",
]

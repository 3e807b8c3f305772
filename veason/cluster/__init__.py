"""Work in stages on a Ray cluster, or on this machine by the same means; the only part that knows Ray.

    for item in run_stages(items, [WorkStage("policy", ...), WorkStage("segmenter", ...)], Cluster("auto")): ...

Each stage has a pool of actors, which Ray Data keeps busy and holds back where the next stage is slower. An actor, or a
whole node, that dies is replaced, and what it had in hand is done again; each item arrives once.
"""

from veason.cluster.stages import Cluster, WorkItem, WorkStage
from veason.cluster.streaming import run_stages

__all__ = ["Cluster", "WorkItem", "WorkStage", "run_stages"]

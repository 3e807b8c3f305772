"""Masks for a request of the page: what is to be computed, streamed as it arrives, and kept."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from veason.annotation import RecomputePlan, RecomputeRequest
from veason.annotation.recompute import Extent
from veason.pipeline import Pipeline
from veason.project.statistics import rank
from veason.studio.server.edits import within
from veason.studio.server.messages import Item, Message
from veason.studio.server.messages.masks import IdleItem
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.requests.stage import PropagateRequest
from veason.studio.server.streaming import in_batches
from veason.studio.server.views import doubt_item, findings_item, new_masks, pace_item, propagating_item, session_item

_EXTENTS: dict[str | None, Extent] = {
    None: "all",
    "stale": "pending",
    "here": "here",
    "forward": "forward",
    "backward": "backward",
}
"""How much to compute, by what the page calls it."""


def propagate(question: OpenQuestion, request: PropagateRequest, pipeline: Pipeline) -> Iterator[Message]:
    """Compute the masks that a request asks for as the question's job, and tell the page of each.

    Raises:
        PromptError: the range is none of the video.
    """
    labels = question.labels
    frames = within(request.start, request.stop, question.video.info.num_frames)
    question.edit_order.wait_for(request.after)
    with question.job.run():
        wanted = RecomputeRequest(frames, _EXTENTS[request.only], request.object, request.frame)
        plan = RecomputePlan.of(labels.state(), wanted)
        if request.only != "here":
            question.range.choose(frames)
        yield Message(work=question.id, items=(propagating_item(plan.num_frames, request),))
        yield from in_batches(question, _masks(question, plan, request, pipeline))
        rank(question.project, question.question_id)
        now = labels.now()
        told = session_item(now), doubt_item(now.state), findings_item(now.state), pace_item(pipeline.segmenter)
        yield Message(work=question.id, items=(*told, IdleItem()))


def _masks(
    question: OpenQuestion, plan: RecomputePlan, request: PropagateRequest, pipeline: Pipeline
) -> Iterator[Item]:
    labels = question.labels
    cursor = None if request.frame is None else functools.partial(int, request.frame)
    # what is verified or locked meanwhile is saved at once, so that it stays as it is
    arriving = pipeline.recompute(question.video, plan, labels.saved_state, cursor=cursor)
    try:
        for masks in arriving:
            if question.job.is_stopping:
                return
            labels.arrive(masks, pipeline.segmenter.name, request.client)
            yield new_masks(masks)
    finally:
        labels.flush(request.client)

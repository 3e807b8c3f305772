"""Masks for a request of the page: what is to be computed, streamed as it arrives, and kept."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import closing

from veason.annotation import RecomputePlan
from veason.pipeline import Pipeline
from veason.project.statistics import rank
from veason.studio.server.edits import recompute_of
from veason.studio.server.messages import Item, Message
from veason.studio.server.messages.masks import IdleItem, PropagatingItem
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.requests.stage import PropagateRequest
from veason.studio.server.streaming import in_batches
from veason.studio.server.views import doubt_item, findings_item, new_masks, pace_item, session_item


def propagate(question: OpenQuestion, request: PropagateRequest, pipeline: Pipeline) -> Iterator[Message]:
    """Compute the masks that a request asks for as the question's job, and tell the page of each.

    Raises:
        PromptError: the range is none of the video.
    """
    wanted = recompute_of(request, question.video.info.num_frames)
    question.edit_order.wait_for(request.after)
    with question.job.run():
        plan = RecomputePlan.of(question.labels.state(), wanted)
        if wanted.extent != "here":
            question.range.choose(wanted.frames)
        start, stop = wanted.frames
        begun = PropagatingItem(start=start, stop=stop, count=plan.num_frames, only=request.only)
        yield Message(work=question.id, items=(begun,))
        yield from in_batches(question, _masks(question, plan, request, pipeline))
        rank(question.project, question.question_id)
        now = question.labels.now()
        told = session_item(now), doubt_item(now.state), findings_item(now.state), pace_item(pipeline.segmenter)
        yield Message(work=question.id, items=(*told, IdleItem()))


def _masks(
    question: OpenQuestion, plan: RecomputePlan, request: PropagateRequest, pipeline: Pipeline
) -> Iterator[Item]:
    labels, cursor = question.labels, None if request.frame is None else functools.partial(int, request.frame)
    # what is verified or locked meanwhile is saved at once, and stays
    arriving = pipeline.recompute(question.video, plan, labels.saved_state, cursor=cursor)
    try:
        with closing(arriving):  # type: ignore[type-var]  # a generator
            for masks in arriving:
                if question.job.is_stopping:
                    return
                labels.arrive(masks, pipeline.segmenter.name, request.client)
                yield new_masks(masks)
    finally:
        labels.flush(request.client)

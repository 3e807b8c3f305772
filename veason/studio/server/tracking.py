"""Masks for a request of the page: what is to be computed, streamed as it arrives, and kept."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from veason.pipeline import Pipeline
from veason.project.statistics import rank
from veason.session import Tracked
from veason.studio.server import spread
from veason.studio.server.corrections import fixed_masks
from veason.studio.server.edits import within
from veason.studio.server.messages import Item, Message
from veason.studio.server.messages.masks import IdleItem
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.requests.stage import PropagateRequest
from veason.studio.server.spread import Stretch
from veason.studio.server.streaming import in_batches
from veason.studio.server.views import doubt_item, findings_item, new_masks, pace_item, propagating_item, session_item


def propagate(question: OpenQuestion, request: PropagateRequest, pipeline: Pipeline) -> Iterator[Message]:
    """Compute the masks that a request asks for as the question's job, and tell the page of each.

    Raises:
        PromptError: the range is none of the video.
    """
    labels = question.labels
    frames = within(request.start, request.stop, question.video.info.num_frames)
    question.edit_order.wait_for(request.after)
    with question.job.run():
        state, wanted = labels.state(), {"only": request.only, "object": request.object, "frame": request.frame}
        stretches = spread.plan(state, state.locked, labels.pending, wanted, frames)
        if request.only != "here":
            question.range.choose(frames)
        yield Message(work=question.id, items=(propagating_item(stretches, request),))
        for stretch in stretches:
            yield from in_batches(question, _masks(question, stretch, request, pipeline))
            if question.job.is_stopping:
                break
        ended = Tracked(spread.finished(labels.state(), labels.pending, stretches))
        labels.follow([ended], request.client, source=pipeline.segmenter.name)
        rank(question.project, question.question_id)
        now = labels.now()
        session = now.state.session
        told = session_item(now), doubt_item(session), findings_item(session), pace_item(pipeline.segmenter)
        yield Message(work=question.id, items=(*told, IdleItem()))


def _masks(question: OpenQuestion, stretch: Stretch, request: PropagateRequest, pipeline: Pipeline) -> Iterator[Item]:
    labels = question.labels
    state = labels.state()
    arriving = pipeline.propagate(
        question.video,
        spread.prompts_of(state, stretch),
        fixed=fixed_masks(state),
        frames=stretch.range,
        order="nearest",
        cursor=None if request.frame is None else functools.partial(int, request.frame),
    )
    try:
        for arrived in arriving:
            if question.job.is_stopping:
                return
            now = labels.saved_state()  # as it is by now: what is verified or locked meanwhile stays
            masks = spread.kept(now, now.locked, stretch, arrived)
            if masks is not None:
                labels.arrive(masks, pipeline.segmenter.name, request.client)
                yield new_masks(masks)
    finally:
        labels.flush(request.client)

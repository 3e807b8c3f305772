"""A question to the policy: its reasoning streams to the page, its answer becomes labels."""

from __future__ import annotations

from collections.abc import Iterator

from veason.annotation import Asked, DropPrompt, GotAnswer, PutPrompt
from veason.pipeline import FramesShown, Pipeline, prompts_from_answer, starting_range
from veason.profile import GENERIC, Profile, sample_indices
from veason.studio.server.client import Client
from veason.studio.server.corrections import correction_turn
from veason.studio.server.messages import Item, Message
from veason.studio.server.messages.masks import IdleItem
from veason.studio.server.messages.thinking import SamplingItem, ThinkingItem
from veason.studio.server.proposals import Gathering, samplings
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.requests.stage import ThinkRequest
from veason.studio.server.streaming import in_batches
from veason.studio.server.views import (
    all_masks,
    findings_item,
    policy_item,
    proposals_item,
    range_item,
    recalled_item,
    session_item,
)
from veason.types import Answer, Answered, BoxClosed, KeyframeChosen, PolicyEvent, Prompt, Sampling, Turn, Unanswered


def profile_of(pipeline: Pipeline) -> Profile:
    """Return how the policy writes; the generic way where there is none."""
    return pipeline.policy.profile if pipeline.policy is not None else GENERIC


def frame_count_of(pipeline: Pipeline) -> int:
    """Return how many frames the policy wants to see."""
    return pipeline.policy.frame_count if pipeline.policy is not None else 8


class Asking:
    """One question to the policy, as the job of an open question."""

    def __init__(self, question: OpenQuestion, request: ThinkRequest, pipeline: Pipeline) -> None:
        self._question, self._pipeline = question, pipeline
        self._instruction, self._count = request.instruction.strip(), request.samples
        self._client: Client = request.client
        self._keyframe: int | None = None
        """The keyframe of the answer that is being written."""
        self._shown = sample_indices(question.video.info.num_frames, frame_count_of(pipeline))
        self._turns: tuple[Turn, ...] = ()
        if request.again and pipeline.policy is not None:
            state = question.labels.state()
            turn, self._shown = correction_turn(state, question.video.info, pipeline.policy.profile)
            self._turns = (turn,)

    def messages(self) -> Iterator[Message]:
        """Ask, and yield what the page is told."""
        question, labels = self._question, self._question.labels
        with question.job.run():
            labels.record(Asked(self._instruction, self._shown), self._client)
            question.proposals, question.asked = (), self._count
            now = labels.now()
            begun = ThinkingItem(), session_item(now), self._proposals(), all_masks(now.state)
            yield Message(work=question.id, items=begun)
            yield from in_batches(question, self._thoughts())
            now = labels.now()
            recalled = recalled_item(question, now.state, profile_of(self._pipeline))
            told = session_item(now), recalled, self._proposals(), findings_item(now.state), IdleItem()
            yield Message(work=question.id, items=told)

    def _proposals(self) -> Item:
        question = self._question
        return proposals_item(question.proposals, question.asked, question.labels.state().answer)

    def _thoughts(self) -> Iterator[Item]:
        """Think as often as wanted: the first answer streams, of the others only what they come to is shown."""
        question, gathering = self._question, Gathering()
        policy = self._pipeline.policy
        for sampling in samplings(self._count, policy is not None and policy.is_recorded):
            thinking = self._pipeline.think(
                question.video, self._instruction, shown=self._shown, turns=self._turns, sampling=sampling
            )
            for event in thinking:
                if isinstance(event, FramesShown):
                    continue
                is_first = gathering.number(event) == 0
                if gathering.take(event):
                    if question.labels.state().answer is None:
                        yield self._answer(gathering.proposals[-1].answer, sampling)
                    question.proposals = tuple(gathering.proposals)
                    if self._count > 1:
                        yield self._proposals()
                if is_first:
                    self._keep(event)
                    yield policy_item(event)
                if self._count > 1 and isinstance(event, Answered | Unanswered):
                    yield SamplingItem(done=gathering.number(event) + 1, count=self._count)
            gathering.next_call()

    def _answer(self, answer: Answer, sampling: Sampling) -> Item:
        question = self._question
        answered = GotAnswer(answer, prompts_from_answer(answer))
        question.labels.follow([answered], self._client, source=self._policy_name, sampling=sampling)
        question.project.queue.set_status(question.question_id, "proposed", source=self._policy_name)
        question.range.propose(starting_range(question.video.info, answer.keyframe or 0))
        return range_item(question)

    @property
    def _policy_name(self) -> str:
        return self._pipeline.policy.name if self._pipeline.policy is not None else "none"

    def _keep(self, event: PolicyEvent) -> None:
        """Keep of the first answer what must not wait for its end."""
        if isinstance(event, Unanswered):
            question = self._question
            question.project.queue.fail(question.question_id, event.reason, text=event.text, source=self._policy_name)
        elif isinstance(event, KeyframeChosen):
            self._keyframe = event.frame_index
        elif isinstance(event, BoxClosed) and self._keyframe is not None:
            self._keep_box(event, self._keyframe)

    def _keep_box(self, event: BoxClosed, keyframe: int) -> None:
        """Make a box a prompt as soon as it closes, so that it can be dragged while the text still streams."""
        labels = self._question.labels
        if event.number == 0:  # the policy began its list (anew)
            labels.follow([DropPrompt(*place) for place in labels.state().prompts], self._client)
        labels.follow([PutPrompt(Prompt(event.number + 1, keyframe, box=event.box))], self._client)

"""All four rewards of an answer with the service for Ru: as a function of ours, of verl's and of TRL's form.

    verl   reward.custom_reward_function.path=pkg://veason.reward_service.functions  .name=verl_reward
    TRL    GRPOTrainer(reward_funcs=trl_rewards(...), ...)

Both take the `ground_truth` of a row of `veason export --format grpo`, which names its footage by digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import lru_cache
from typing import Any, Protocol

from veason.errors import DataError, EndpointError, OptionError, VeasonError
from veason.formats.grpo.truth import footage_of, reward_case
from veason.masks import mask_area
from veason.reward_service.client import RewardClient
from veason.reward_service.question import TracksQuestion
from veason.rewards import (
    EXTENDED,
    PAPER,
    UPSTREAM,
    BoxesToTrack,
    Reward,
    RewardBreakdown,
    RewardCase,
    RewardRules,
    boxes_reward,
    boxes_to_track,
    format_reward,
    keyframe_reward,
    read_answer,
    reward_of_tracks,
    reward_without_tracks,
)
from veason.secret_file import read_token

REWARD_NAMES = ("format", "keyframe", "boxes", "tracks")
"""The four rewards, in the order of `trl_rewards`."""

RULES = {rules.name: rules for rules in (PAPER, UPSTREAM, EXTENDED)}
"""The sets of rules by name."""


class AsksForTracks(Protocol):
    """What answers questions about tracks: a `RewardClient`, or something that goes between."""

    async def frame_iou(self, question: TracksQuestion) -> dict[int, float]:
        """Return the IoU of masks and target by absolute frame index; raises as `RewardClient.frame_iou`."""


TrlReward = Callable[..., Coroutine[Any, Any, list[float]]]


async def score_answer(
    text: str, case: RewardCase, footage: str, client: AsksForTracks, rules: RewardRules = PAPER
) -> RewardBreakdown:
    """Return the four rewards of one answer, equal to `veason.rewards.total_reward` with the service's segmenter.

    Args:
        text: everything that the policy wrote.
        case: the ground truth.
        footage: the digest of the video.
        client: asks the service.
        rules: "paper", "upstream" or "extended".

    Raises:
        EndpointError: the service cannot be reached.
        VeasonError: it has no answer; with `upstream` rules Ru is 0 instead.
    """
    prediction = read_answer(text, case, rules)
    wanted = boxes_to_track(prediction, case, rules)
    return RewardBreakdown(
        rules,
        format_reward(text, case, rules),
        keyframe_reward(prediction, case, rules),
        boxes_reward(prediction, case, rules),
        wanted if isinstance(wanted, Reward) else await _tracks(wanted, case, footage, client, rules),
    )


async def _tracks(
    wanted: BoxesToTrack, case: RewardCase, footage: str, client: AsksForTracks, rules: RewardRules
) -> Reward:
    unions = {index: case.union(index) for index in case.context.shown}
    truth = {index: rle for index, rle in unions.items() if mask_area(rle)}
    question = TracksQuestion(footage, case.context.shown, wanted.keyframe, wanted.boxes, case.context.source_wh, truth)
    try:
        return reward_of_tracks(wanted, await client.frame_iou(question))
    except EndpointError:
        raise
    except VeasonError as error:
        return reward_without_tracks(wanted, error, rules)


async def verl_reward(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    service: str,
    rules: str = "paper",
    token_file: str = "",
    **others: Any,
) -> dict[str, float]:
    """Return the total as "score", and each term under its name: what verl's reward managers call.

    Args:
        data_source: not read: all rows are ours.
        solution_str: the answer, with its tags.
        ground_truth: of a row.
        extra_info: not read.
        service: address of the reward service.
        rules: a key of RULES.
        token_file: file with the service's token, "" for none.
        others: what verl hands over besides (its reward router); not read.

    Raises:
        VeasonError: as `score_answer`.
    """
    found = await score_answer(
        solution_str, reward_case(ground_truth), footage_of(ground_truth), _client(service, token_file), rules_of(rules)
    )
    return {"score": found.total, **{term: getattr(found, term).value for term in REWARD_NAMES}}


def trl_rewards(client: RewardClient, rules: RewardRules) -> list[TrlReward]:
    """Return the four rewards as functions that TRL's GRPOTrainer awaits, unweighted, as in REWARD_NAMES.

    They read the column `ground_truth` of the rows. An answer is scored once, whichever of them asks first.

    Args:
        client: asks the service.
        rules: which rules.
    """
    scored: dict[tuple[str, str], asyncio.Task[RewardBreakdown]] = {}

    async def score(text: str, truth: str) -> RewardBreakdown:
        return await score_answer(text, reward_case(truth), footage_of(truth), client, rules)

    def of(term: str) -> TrlReward:
        async def reward(completions: list[Any], ground_truth: list[str], **others: Any) -> list[float]:
            asked = [(_written(one), truth) for one, truth in zip(completions, ground_truth, strict=True)]
            if term == REWARD_NAMES[0]:
                scored.clear()
            for key in asked:
                if key not in scored:
                    scored[key] = asyncio.create_task(score(*key))
            return [getattr(await scored[key], term).value for key in asked]

        reward.__name__ = f"reward_{term}"
        return reward

    return [of(term) for term in REWARD_NAMES]


def rules_of(name: str) -> RewardRules:
    """Return a set of rules by name. Raises OptionError for another name."""
    if name not in RULES:
        raise OptionError(f"the rules of a reward are {', '.join(RULES)}, got {name!r}")
    return RULES[name]


@lru_cache(maxsize=8)
def _client(service: str, token_file: str) -> RewardClient:
    return RewardClient(service, read_token(token_file))


def _written(completion: Any) -> str:
    """Return the text of a completion, which is a message where the prompt is one."""
    if isinstance(completion, str):
        return completion
    content = completion[0]["content"]
    if not isinstance(content, str):
        raise DataError(f"a completion is a text, got {type(content).__name__}")
    return content

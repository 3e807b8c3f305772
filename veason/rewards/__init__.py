"""The four rewards of Veason-R1 as pure functions with explanations: format, keyframe, boxes, tracks.

    case = RewardCase(context, objects)             the ground truth of one question
    prediction = read_answer(text, case, EXTENDED)  the model's answer
    keyframe_reward(prediction, case, EXTENDED)     -> Reward(value, reasons, pairs, frame_iou)
    total_reward(text, case, propagate, EXTENDED)   -> all four and their weighted sum

Three sets of rules:

    paper     four terms in [0, 1] with equal weights, at most 4 in total. The text is parsed strictly; boxes are
              compared in the policy's space with both end pixels counted (+1 on sides).
    upstream  the released code with its bugs: the format term is at most 2 (total 5), the JSON is read leniently, true
              counts as a keyframe, an empty list of boxes gives 0 for boxes and tracks, an object missing on the
              keyframe has the true box 0,0,0,0 (so a predicted 0,0,0,0 is a perfect match), a failing segmenter costs
              only Ru.
              Exact if the true masks have the size of the policy's box space.
    extended  Veason's own: a correct "absent" gets every term in full, boxes are half-open in source pixels, and a box
              without overlap is not used as a prompt. "Absent" is the empty list; boxes without area get 0.

    rules       the three sets, and weights                 case      the ground truth of one question
    prediction  the answer of a text                        matching  predicted boxes to true boxes
    terms       the four rewards                            total     their sum, and advantages in a group

Source: Veason-R1 verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py and
verl/utils/revos_keyframe_sft_dataset_mod.py @28b0000.
"""

from veason.rewards.case import RewardCase
from veason.rewards.matching import MatchedPair, inclusive_iou
from veason.rewards.prediction import MAX_BOXES, Prediction, read_answer, read_parsed
from veason.rewards.rules import EXTENDED, PAPER, UPSTREAM, RewardRules, Weights
from veason.rewards.terms import (
    BoxesToTrack,
    Propagate,
    Reward,
    boxes_reward,
    boxes_to_track,
    format_reward,
    keyframe_reward,
    masks_iou,
    reward_of_tracks,
    reward_without_tracks,
    tracks_reward,
)
from veason.rewards.total import RewardBreakdown, group_advantages, total_reward

__all__ = [
    "EXTENDED",
    "MAX_BOXES",
    "PAPER",
    "UPSTREAM",
    "BoxesToTrack",
    "MatchedPair",
    "Prediction",
    "Propagate",
    "Reward",
    "RewardBreakdown",
    "RewardCase",
    "RewardRules",
    "Weights",
    "boxes_reward",
    "boxes_to_track",
    "format_reward",
    "group_advantages",
    "inclusive_iou",
    "keyframe_reward",
    "masks_iou",
    "read_answer",
    "read_parsed",
    "reward_of_tracks",
    "reward_without_tracks",
    "total_reward",
    "tracks_reward",
]  # fmt: skip

"""The four rewards of Veason-R1, each a pure function that explains itself: format, keyframe, boxes, tracks.

    case = RewardCase(context, objects)             what is true of one question
    prediction = read_answer(text, case, EXTENDED)  what the model said
    keyframe_reward(prediction, case, EXTENDED)     -> Reward(value, reasons, pairs, frame_iou)
    total_reward(text, case, propagate, EXTENDED)   -> all four and their weighted sum

Three sets of rules:

    paper     four equal terms in [0, 1]: the total reaches 4. The text is read strictly; boxes are compared in the
              policy's space with both end pixels counted (+1 on sides).
    upstream  the released code, bug for bug: the format term reaches 2 (total 5), lenient reading of the JSON, true
              counts as a keyframe, an empty list of boxes gives 0 for boxes and tracks, an object missing on the
              keyframe has the true box 0,0,0,0 (so a predicted 0,0,0,0 is a perfect match), a failing segmenter costs
              only Ru.
              Exact where the true masks have the size in which the policy writes boxes.
    extended  ours: an absent target answered with no box earns every term, boxes are half-open in source pixels, and
              a box that overlaps nothing prompts nothing. The absent answer is the empty list; boxes without area
              earn nothing.

    rules       the three sets, and weights                 case      what is true of one question
    prediction  what a text says                            matching  which box stands for which
    terms       the four rewards                            total     their sum, and advantages in a group

Source: Veason-R1 verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py and
verl/utils/revos_keyframe_sft_dataset_mod.py @28b0000.
"""

from veason.rewards.case import RewardCase
from veason.rewards.matching import MatchedPair, inclusive_iou
from veason.rewards.prediction import MAX_BOXES, Prediction, read_answer, read_parsed
from veason.rewards.rules import EXTENDED, PAPER, UPSTREAM, RewardRules, Weights
from veason.rewards.terms import Propagate, Reward, boxes_reward, format_reward, keyframe_reward, tracks_reward
from veason.rewards.total import RewardBreakdown, group_advantages, total_reward

__all__ = [
    "EXTENDED",
    "MAX_BOXES",
    "PAPER",
    "UPSTREAM",
    "MatchedPair",
    "Prediction",
    "Propagate",
    "Reward",
    "RewardBreakdown",
    "RewardCase",
    "RewardRules",
    "Weights",
    "boxes_reward",
    "format_reward",
    "group_advantages",
    "inclusive_iou",
    "keyframe_reward",
    "read_answer",
    "read_parsed",
    "total_reward",
    "tracks_reward",
]  # fmt: skip

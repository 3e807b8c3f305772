"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from veason.errors import OptionError, PromptError
from veason.types import (
    Box,
    Budgets,
    Click,
    EndpointOptions,
    FrameRange,
    ModelOptions,
    Prompt,
    Sampling,
    Speedups,
)

if TYPE_CHECKING:
    from veason.pipeline import Pipeline

KEY_VARIABLE = "VEASON_POLICY_KEY"
"""The environment variable that may hold the key of a model server."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a command adds its parser to."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_BOX = re.compile(rf"({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})@(\d+)(?::(\d+))?")
_CLICK = re.compile(rf"({_NUMBER}),({_NUMBER}),([+-])@(\d+)(?::(\d+))?")


def add_video(parser: argparse.ArgumentParser) -> None:
    """Add VIDEO."""
    parser.add_argument("video", metavar="VIDEO", help="a video file, or a folder of JPEG/PNG frames")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add --out, --range and --json."""
    parser.add_argument(
        "--out", metavar="DIR", default="out", help="where masks, overlay and result.json go (%(default)s)"
    )
    parser.add_argument("--range", metavar="A:B", help="only frames A to B-1 (absolute, 0-based)")
    parser.add_argument("--json", action="store_true", help="print result.json to stdout as well")


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Add the choice of policy and how it is run."""
    parser.add_argument(
        "--policy",
        metavar="P",
        help="nano | scripted:FILE | FOLDER | HUB_ID | http://HOST:PORT/v1 (default: the best that is already here)",
    )
    parser.add_argument("--policy-model", metavar="NAME", help="the model of a server (default: its only one)")
    parser.add_argument(
        "--policy-key-file", metavar="FILE", help=f"holds the key of a server (default: the variable {KEY_VARIABLE})"
    )
    parser.add_argument("--profile", metavar="FILE", help="how that checkpoint wants its frames (JSON)")
    parser.add_argument("--quantization", choices=["4bit"], help="load the policy in 4 bits (needs bitsandbytes)")
    parser.add_argument(
        "--prefix-memory", type=megabytes, metavar="MB", help="on its device, for what it has read of videos (1024)"
    )


def add_segmenter(parser: argparse.ArgumentParser) -> None:
    """Add the choice of segmenter and device."""
    parser.add_argument("--segmenter", metavar="S", help="nano | FOLDER | FILE.pt | HUB_ID")
    parser.add_argument("--segmenter-config", metavar="NAME", help="model config of FILE.pt, such as sam2.1_hiera_l")
    parser.add_argument("--device", default="auto", help="cpu | cuda | auto (%(default)s)")
    kept = parser.add_argument_group("what may be kept, so that corrections and further questions come fast")
    for name, where in (("memory", "memory"), ("gpu", "the GPU"), ("disk", "temporary files")):
        kept.add_argument(f"--feature-{name}", type=megabytes, metavar="MB", help=f"features of frames in {where}")
    kept.add_argument("--track-memory", type=megabytes, metavar="MB", help="tracked objects in memory (256)")
    add_speedups(parser)


def add_speedups(parser: argparse.ArgumentParser) -> None:
    """Add --speedups."""
    names = [field.name.replace("_", "-") for field in dataclasses.fields(Speedups)]
    parser.add_argument(
        "--speedups",
        nargs="+",
        choices=names,
        default=[],
        metavar="WAY",
        help=f"on a GPU, with other last bits than the stock way: {', '.join(names)}",
    )


def read_speedups(args: argparse.Namespace) -> Speedups:
    """Return what the options ask for; --stock asks for nothing."""
    wanted = [] if getattr(args, "stock", False) else getattr(args, "speedups", [])
    return Speedups(**{name.replace("-", "_"): True for name in wanted})


def add_stock(parser: argparse.ArgumentParser) -> None:
    """Add --stock."""
    parser.add_argument(
        "--stock", action="store_true", help="keep nothing and overlap nothing: the same result, for comparison"
    )


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add --temperature and --seed."""
    parser.add_argument("--temperature", type=float, default=0.0, help="0 decodes greedily (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for temperatures above 0 (%(default)s)")


def read_sampling(args: argparse.Namespace) -> Sampling:
    """Return how the options want answers to be decoded. Raises OptionError."""
    return Sampling(temperature=args.temperature, num_samples=getattr(args, "samples", 1), seed=args.seed)


def positive(text: str) -> int:
    """Return a whole number, 1 or more. Raises ArgumentTypeError, which argparse turns into its usual message."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"wanted a whole number, 1 or more, got {text!r}")
    return int(text)


def megabytes(text: str) -> int:
    """Return a number of megabytes. Raises ArgumentTypeError, which argparse turns into its usual message."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"wanted a whole number of megabytes, 0 or more, got {text!r}")
    return int(text)


def read_budgets(args: argparse.Namespace) -> Budgets:
    """Return what the options say may be kept, the defaults where they say nothing."""
    if getattr(args, "stock", False):
        return Budgets.nothing()
    given = {
        "feature_memory": args.feature_memory,
        "feature_gpu": args.feature_gpu,
        "feature_disk": args.feature_disk,
        "tracks": args.track_memory,
        "prefix": getattr(args, "prefix_memory", None),
    }
    return Budgets(**{name: value for name, value in given.items() if value is not None})


def read_endpoint_options(args: argparse.Namespace) -> EndpointOptions:
    """Return how a model server is asked. Raises OptionError where the file of the key cannot be read or is empty."""
    file = getattr(args, "policy_key_file", None)
    key = os.environ.get(KEY_VARIABLE, "") if file is None else read_secret(file)
    return EndpointOptions(model=getattr(args, "policy_model", None), key=key)


def read_secret(file: str) -> str:
    """Return the key that a file holds. Raises OptionError where it cannot be read, or holds anything else."""
    try:
        key = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read the key in {file}: {error}") from error
    if not key or len(key.split()) != 1:
        raise OptionError(f"{file} should hold a key and nothing else")
    return key


def read_model_options(args: argparse.Namespace) -> ModelOptions:
    """Return what the options say of how the models are loaded. Raises OptionError."""
    return ModelOptions(
        device=args.device,
        quantization=getattr(args, "quantization", None),
        profile=getattr(args, "profile", None),
        segmenter_config=args.segmenter_config,
        endpoint=read_endpoint_options(args),
        budgets=read_budgets(args),
        speedups=read_speedups(args),
    )


def pipeline_from_args(args: argparse.Namespace) -> Pipeline:
    """Load the models that the options name and put them together; a command without --policy gets none."""
    from veason.pipeline import load_pipeline

    policy = getattr(args, "policy", None)
    return load_pipeline(policy, args.segmenter, read_model_options(args), has_policy=hasattr(args, "policy"))


def parse_range(text: str | None, num_frames: int) -> FrameRange | None:
    """Return the half-open range of "A:B"; either side may be left out.

    Raises:
        PromptError: it is not of that form, or not inside the video.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d*):(\d*)", text)
    if match is None:
        raise PromptError(f"--range takes A:B, two frame numbers, got {text!r}")
    start = int(match[1] or 0)
    stop = int(match[2] or num_frames)
    if not start < stop <= num_frames:
        raise PromptError(f"--range {text}: the video has {num_frames} frames, so 0 <= A < B <= {num_frames}")
    return (start, stop)


def parse_prompts(boxes: Sequence[str], clicks: Sequence[str]) -> tuple[Prompt, ...]:
    """Return the prompts of `--box x1,y1,x2,y2@FRAME[:OBJECT]` and `--click x,y,+@FRAME[:OBJECT]`.

    OBJECT is 1 where it is left out; a box and clicks for one object on one frame become one prompt.

    Raises:
        PromptError: a text is not of that form, or two boxes are given for one object on one frame.
    """
    box_at: dict[tuple[int, int], Box] = {}
    clicks_at: dict[tuple[int, int], list[Click]] = {}
    for text in boxes:
        match = _BOX.fullmatch(text)
        if match is None:
            raise PromptError(f"--box takes x1,y1,x2,y2@FRAME[:OBJECT], got {text!r}")
        place = (int(match[6] or 1), int(match[5]))
        if place in box_at:
            raise PromptError(f"two boxes for object {place[0]} on frame {place[1]}: add :OBJECT to tell them apart")
        box_at[place] = Box(*(float(match[number]) for number in range(1, 5)))
    for text in clicks:
        match = _CLICK.fullmatch(text)
        if match is None:
            raise PromptError(f"--click takes x,y,+@FRAME[:OBJECT] or x,y,-@FRAME[:OBJECT], got {text!r}")
        place = (int(match[5] or 1), int(match[4]))
        clicks_at.setdefault(place, []).append(Click(float(match[1]), float(match[2]), match[3] == "+"))
    places = sorted({*box_at, *clicks_at})
    if not places:
        raise PromptError("nothing to track: give at least one --box or --click")
    return tuple(
        Prompt(
            object_id,
            frame_index,
            box_at.get((object_id, frame_index)),
            tuple(clicks_at.get((object_id, frame_index), ())),
        )
        for object_id, frame_index in places
    )

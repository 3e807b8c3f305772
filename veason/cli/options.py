"""Options shared by several commands, and the conversion of their text to values."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from veason.errors import OptionError, PromptError
from veason.secret_file import read_secret
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
"""The environment variable with the API key of a model server."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""The type of the `commands` argument of `add_parser`."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_BOX = re.compile(rf"({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})@(\d+)(?::(\d+))?")
_CLICK = re.compile(rf"({_NUMBER}),({_NUMBER}),([+-])@(\d+)(?::(\d+))?")


def add_video(parser: argparse.ArgumentParser) -> None:
    """Add VIDEO."""
    parser.add_argument("video", metavar="VIDEO", help="a video file, or a folder of JPEG/PNG frames")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add --out, --range and --json."""
    parser.add_argument(
        "--out", metavar="DIR", default="out", help="folder for masks, overlay and result.json (%(default)s)"
    )
    parser.add_argument("--range", metavar="A:B", help="only frames A to B-1 (absolute, 0-based)")
    parser.add_argument("--json", action="store_true", help="print result.json to stdout as well")


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Add --policy, --policy-model, --policy-key-file, --profile, --quantization, --offload and --prefix-memory."""
    parser.add_argument(
        "--policy",
        metavar="P",
        help="nano | scripted:FILE | FOLDER | HUB_ID | http://HOST:PORT/v1 (default: the best installed one)",
    )
    parser.add_argument("--policy-model", metavar="NAME", help="the model of a server (default: its only one)")
    parser.add_argument(
        "--policy-key-file",
        metavar="FILE",
        help=f"file with the API key of a server (default: the variable {KEY_VARIABLE})",
    )
    parser.add_argument(
        "--profile", metavar="FILE", help="JSON file with the checkpoint's frame size, labels and answer keys"
    )
    parser.add_argument("--quantization", choices=["4bit"], help="load the policy in 4 bits (needs bitsandbytes)")
    parser.add_argument(
        "--offload", action="store_true", help="keep on the CPU what does not fit the GPU (needs accelerate; slow)"
    )
    parser.add_argument(
        "--prefix-memory", type=megabytes, metavar="MB", help="device memory for cached prompt prefixes (1024)"
    )


def add_segmenter(parser: argparse.ArgumentParser) -> None:
    """Add --segmenter, --segmenter-config, --device, cache budgets and --speedups."""
    parser.add_argument("--segmenter", metavar="S", help="nano | nano-photo | FOLDER | FILE.pt | HUB_ID")
    parser.add_argument("--segmenter-config", metavar="NAME", help="model config of FILE.pt, such as sam2.1_hiera_l")
    parser.add_argument("--device", default="auto", help="cpu | cuda | auto (%(default)s)")
    group = parser.add_argument_group("cache budgets, for fast corrections and further questions")
    for name, where in (("memory", "memory"), ("gpu", "the GPU"), ("disk", "temporary files")):
        group.add_argument(f"--feature-{name}", type=megabytes, metavar="MB", help=f"frame features in {where}")
    group.add_argument("--track-memory", type=megabytes, metavar="MB", help="tracked objects in memory (256)")
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
        help=f"faster on a GPU, but not bit-equal to stock: {', '.join(names)}",
    )


def read_speedups(args: argparse.Namespace) -> Speedups:
    """Return the speed-ups that --speedups names; none with --stock."""
    chosen = [] if getattr(args, "stock", False) else getattr(args, "speedups", [])
    return Speedups(**{name.replace("-", "_"): True for name in chosen})


def add_stock(parser: argparse.ArgumentParser) -> None:
    """Add --stock."""
    parser.add_argument(
        "--stock", action="store_true", help="no caches and no overlapping work: the same result, for comparison"
    )


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add --temperature and --seed."""
    parser.add_argument("--temperature", type=float, default=0.0, help="0 decodes greedily (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for temperatures above 0 (%(default)s)")


def read_sampling(args: argparse.Namespace) -> Sampling:
    """Return the sampling settings. Raises OptionError for values out of range."""
    return Sampling(temperature=args.temperature, num_samples=getattr(args, "samples", 1), seed=args.seed)


def add_engine(parser: argparse.ArgumentParser, actors: str) -> None:
    """Add --engine, --address and --threads, and what an actor asks for; `actors` names those of --workers."""
    group = parser.add_argument_group("where it runs")
    group.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="processes, or actors of Ray (%(default)s)"
    )
    group.add_argument(
        "--address", metavar="A", help="ray: of a cluster, or auto on one of its machines (default: starts it here)"
    )
    group.add_argument("--workers", type=int, default=1, metavar="N", help=f"processes; ray: {actors} (%(default)s)")
    group.add_argument(
        "--worker-gpus", type=float, default=0.0, metavar="X", help="ray: GPUs of such an actor, 0.5 for two on one (0)"
    )
    group.add_argument(
        "--threads",
        type=positive_int,
        metavar="N",
        help="processor threads a worker computes with; others change last bits (default: 1 with ray or several)",
    )


def read_threads(args: argparse.Namespace) -> int | None:
    """Return the threads of a worker: those given, else 1 where workers share the machine, else None, torch's own."""
    if args.threads is not None:
        return int(args.threads)
    return 1 if args.engine == "ray" or args.workers > 1 else None


def check_engine(args: argparse.Namespace, ray_only: Sequence[str]) -> None:
    """Raise OptionError where an option is given that the chosen engine does not read, or --workers is none."""
    if args.workers < 1:
        raise OptionError(f"--workers is 1 or more, got {args.workers}")
    unread = [name for name in ray_only if getattr(args, name)]
    if args.engine == "local" and unread:
        named = ", ".join("--" + name.replace("_", "-") for name in unread)
        raise OptionError(f"{named} belongs to --engine ray: give that too, or leave it out")


def positive_int(text: str) -> int:
    """Parse a whole number, 1 or more. Raises ArgumentTypeError, which argparse reports."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"wanted a whole number, 1 or more, got {text!r}")
    return int(text)


def megabytes(text: str) -> int:
    """Parse a whole number of megabytes, 0 or more. Raises ArgumentTypeError, which argparse reports."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"wanted a whole number of megabytes, 0 or more, got {text!r}")
    return int(text)


def read_budgets(args: argparse.Namespace) -> Budgets:
    """Return the cache budgets of the options; an option not given keeps its default."""
    if getattr(args, "stock", False):
        return Budgets.nothing()
    chosen = {
        "feature_memory": args.feature_memory,
        "feature_gpu": args.feature_gpu,
        "feature_disk": args.feature_disk,
        "tracks": args.track_memory,
        "prefix": getattr(args, "prefix_memory", None),
    }
    return Budgets(**{name: value for name, value in chosen.items() if value is not None})


def read_endpoint_options(args: argparse.Namespace) -> EndpointOptions:
    """Return the options of a model server. Raises OptionError if the key file cannot be read or is not one word."""
    file = getattr(args, "policy_key_file", None)
    key = os.environ.get(KEY_VARIABLE, "") if file is None else read_secret(file)
    return EndpointOptions(model=getattr(args, "policy_model", None), key=key)


def read_model_options(args: argparse.Namespace) -> ModelOptions:
    """Return the model options. Raises OptionError for values out of range."""
    return ModelOptions(
        device=args.device,
        quantization=getattr(args, "quantization", None),
        is_offloaded=getattr(args, "offload", False),
        profile=getattr(args, "profile", None),
        segmenter_config=args.segmenter_config,
        endpoint=read_endpoint_options(args),
        budgets=read_budgets(args),
        speedups=read_speedups(args),
    )


def pipeline_from_args(args: argparse.Namespace) -> Pipeline:
    """Load the pipeline that the options name, without a policy for commands that have no --policy."""
    from veason.pipeline import load_pipeline

    policy = getattr(args, "policy", None)
    return load_pipeline(policy, args.segmenter, read_model_options(args), has_policy=hasattr(args, "policy"))


def parse_range(text: str | None, num_frames: int) -> FrameRange | None:
    """Parse "A:B", a half-open range of 0-based frames; either side may be omitted.

    Raises:
        PromptError: the text has another form, or the range is not inside the video.
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
    """Parse the prompts of `--box x1,y1,x2,y2@FRAME[:OBJECT]` and `--click x,y,+@FRAME[:OBJECT]`.

    OBJECT is 1 by default; a box and clicks for one object on one frame become one prompt.

    Raises:
        PromptError: a text has another form, or there are two boxes for one object on one frame.
    """
    box_at: dict[tuple[int, int], Box] = {}
    clicks_at: dict[tuple[int, int], list[Click]] = {}
    for text in boxes:
        match = _BOX.fullmatch(text)
        if match is None:
            raise PromptError(f"--box takes x1,y1,x2,y2@FRAME[:OBJECT], got {text!r}")
        key = (int(match[6] or 1), int(match[5]))
        if key in box_at:
            raise PromptError(f"two boxes for object {key[0]} on frame {key[1]}: add :OBJECT to tell them apart")
        box_at[key] = Box(*(float(match[number]) for number in range(1, 5)))
    for text in clicks:
        match = _CLICK.fullmatch(text)
        if match is None:
            raise PromptError(f"--click takes x,y,+@FRAME[:OBJECT] or x,y,-@FRAME[:OBJECT], got {text!r}")
        key = (int(match[5] or 1), int(match[4]))
        clicks_at.setdefault(key, []).append(Click(float(match[1]), float(match[2]), match[3] == "+"))
    keys = sorted({*box_at, *clicks_at})
    if not keys:
        raise PromptError("nothing to track: give at least one --box or --click")
    return tuple(
        Prompt(
            object_id,
            frame_index,
            box_at.get((object_id, frame_index)),
            tuple(clicks_at.get((object_id, frame_index), ())),
        )
        for object_id, frame_index in keys
    )

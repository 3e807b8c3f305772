"""`veason ask VIDEO "INSTRUCTION"`: reason, choose a keyframe, box the target, propagate its masks."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from veason.cli.options import (
    Commands,
    add_output,
    add_policy,
    add_sampling,
    add_segmenter,
    add_stock,
    add_video,
    parse_range,
    pipeline_from_args,
    positive_int,
    read_sampling,
)
from veason.cli.progress import propagate_with_progress, writing_result
from veason.errors import AnswerError, EndpointError
from veason.profile import sample_indices
from veason.types import Answered, BoxClosed, KeyframeChosen, Order, Sampling, ThoughtDelta, Unanswered, Withheld

if TYPE_CHECKING:
    from veason.outputs import RunResult
    from veason.pipeline import Pipeline
    from veason.types import VideoSource


WITHHELD = (
    "{policy} would only guess: {reasons}. Name a model that was trained for this (--policy; `veason models` lists "
    "them), box the target yourself (veason track --box), or take a guess with --guess"
)
"""What is told of a question that the policy was not trained for."""


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("ask", help="segment what an instruction describes", description=__doc__)
    add_video(parser)
    parser.add_argument("instruction", metavar="INSTRUCTION", help='what to look for, such as "the red ball"')
    add_output(parser)
    add_policy(parser)
    add_segmenter(parser)
    parser.add_argument(
        "--frames", type=positive_int, metavar="N", help="number of frames to show the policy (default: its profile's)"
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="number of answers to sample; the first one is used"
    )
    parser.add_argument(
        "--guess", action="store_true", help="answer also if the policy was not trained for the question"
    )
    add_sampling(parser)
    add_stock(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    from veason.policy.prompt import check_instruction

    check_instruction(args.instruction)  # bad input is reported before a model is loaded
    sampling = read_sampling(args)

    from veason.outputs import RunResult
    from veason.tracks import prompts_from_answer
    from veason.video import open_video

    with open_video(args.video) as video:
        frames = parse_range(args.range, video.info.num_frames)
        pipeline = pipeline_from_args(args)
        assert pipeline.policy is not None
        run = RunResult(video.info, pipeline.segmenter.name, pipeline.policy.name, args.instruction)
        with writing_result(run, video, args):
            run_policy(pipeline, video, args.frames, sampling, run, guess=args.guess)
            assert run.answer is not None
            prompts = prompts_from_answer(run.answer)
            if prompts:
                order: Order = "stock" if args.stock else "nearest"
                propagate_with_progress(pipeline, video, prompts, frames, run, order=order)
    return 0


def run_policy(
    pipeline: Pipeline,
    video: VideoSource,
    num_shown: int | None,
    sampling: Sampling,
    run: RunResult,
    *,
    guess: bool = False,
) -> None:
    """Stream the policy's reasoning to stderr and store the first answer in `run`.

    Raises:
        AnswerError: no sample has a usable answer, or the policy would only guess and `guess` is not set.
        EndpointError: a server fails before there is an answer.
    """
    assert pipeline.policy is not None
    assert run.instruction is not None
    run.shown = sample_indices(video.info.num_frames, num_shown or pipeline.policy.frame_count)
    started = time.perf_counter()
    try:
        for event in pipeline.think(video, run.instruction, shown=run.shown, sampling=sampling, guess=guess):
            if getattr(event, "sample", 0) == 0:
                print_event(event)
            if isinstance(event, Withheld):
                raise AnswerError(WITHHELD.format(policy=pipeline.policy.name, reasons=event.text))
            _take(event, run)
    except EndpointError as error:
        if run.answer is None:
            raise
        print(f"note: not all answers came ({error}); the first one is used", file=sys.stderr)
    run.timings["think"] = time.perf_counter() - started
    if run.answer is None:
        raise AnswerError(run.failure or "the policy wrote nothing", run.text)
    run.failure = run.text = ""


def _take(event: object, run: RunResult) -> None:
    """Keep the first answer, and until there is one the first failure."""
    if isinstance(event, Answered) and run.answer is None:
        run.answer, run.confidence = event.answer, event.confidence
        if event.speed is not None:
            run.timings["first_token"] = event.speed.first_token_s
    elif isinstance(event, Unanswered) and not run.text:
        run.failure, run.text = event.reason, event.text


def print_event(event: object) -> None:
    """Print a policy event on stderr."""
    write = sys.stderr.write
    if isinstance(event, ThoughtDelta):
        write(event.text)
    elif isinstance(event, KeyframeChosen):
        write(f"\n★ keyframe {event.frame_index}{'' if event.is_shown else ' (not among the frames shown)'}\n")
    elif isinstance(event, BoxClosed):
        write(f"▭ box {event.number + 1}: {' '.join(f'{value:.0f}' for value in event.box.xyxy)}\n")
    elif isinstance(event, Answered) and event.answer.is_absent:
        write("\n∅ the target is not in this video\n")
    if isinstance(event, Answered):
        if event.answer.is_guess:
            write("this is a guess: the policy was not trained for the question\n")
        if event.confidence is not None:
            write(f"how sure: {event.confidence.text}\n")
        for note in event.answer.notes:
            write(f"note: {note.message}\n")
    sys.stderr.flush()

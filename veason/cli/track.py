"""`veason track VIDEO --box x1,y1,x2,y2@FRAME[:OBJECT]`: propagate boxes and clicks, without a policy."""

from __future__ import annotations

import argparse

from veason.cli.options import (
    Commands,
    add_output,
    add_segmenter,
    add_video,
    parse_prompts,
    parse_range,
    pipeline_from_args,
)
from veason.cli.progress import propagate_with_progress, writing_result


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("track", help="propagate boxes and clicks", description=__doc__)
    add_video(parser)
    parser.add_argument(
        "--box", action="append", default=[], metavar="x1,y1,x2,y2@FRAME[:OBJECT]", help="may be repeated"
    )
    parser.add_argument(
        "--click", action="append", default=[], metavar="x,y,+|-@FRAME[:OBJECT]", help="may be repeated"
    )
    add_output(parser)
    add_segmenter(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the command; see `veason.cli` for the exit codes."""
    prompts = parse_prompts(args.box, args.click)

    from veason.outputs import RunResult
    from veason.segmenter.prompts import check_prompts
    from veason.video import open_video

    with open_video(args.video) as video:
        frames = parse_range(args.range, video.info.num_frames)
        check_prompts(video.info, prompts, frames)  # bad prompts are reported before a model is loaded
        pipeline = pipeline_from_args(args)
        run = RunResult(video.info, pipeline.segmenter.name)
        with writing_result(run, video, args):
            propagate_with_progress(pipeline, video, prompts, frames, run)
    return 0

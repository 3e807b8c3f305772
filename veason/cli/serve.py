"""`veason serve`: open the app in the browser."""

from __future__ import annotations

import argparse
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from veason.cli.options import (
    Commands,
    add_policy,
    add_segmenter,
    add_stock,
    megabytes,
    positive_int,
    read_model_options,
)
from veason.errors import OptionError
from veason.secret_file import read_secret

if TYPE_CHECKING:
    from veason.studio.server.guard import App


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("serve", help="open the app", description=__doc__)
    add_serve_options(parser)
    return parser


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options shared by `veason serve` and app.py."""
    add_policy(parser)
    add_segmenter(parser)
    add_stock(parser)
    parser.add_argument("--project", metavar="FOLDER", help="project folder (default: ~/veason)")
    parser.add_argument("--lab", metavar="FOLDER", help="folder of a lab, shown beside the studio, at /lab/")
    parser.add_argument(
        "--visitors", metavar="FOLDER", help="instead: one project in FOLDER per visitor, deleted after 2 days"
    )
    parser.add_argument(
        "--models",
        choices=("open", "locked"),
        help="may they be changed in the app? (default: open on this machine only)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=None, help="port to listen on (default: the first free from 7860)")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further host name to accept, such as a proxy's; may be repeated",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=positive_int,
        help="processes in which the models run, each with its own on a GPU in turn (default: this one alone)",
    )
    parser.add_argument(
        "--video-memory", metavar="MB", type=megabytes, help="memory for opened videos, in megabytes (default: 512)"
    )
    parser.add_argument(
        "--transfer-disk",
        metavar="MB",
        type=positive_int,
        help="disk for uploads and files to download, in megabytes (default: 20000)",
    )
    parser.add_argument(
        "--recorded-examples",
        action="store_true",
        help="let the example clips open with an answer that was made earlier, without the models (a Space does)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    _add_deployment_options(parser)


def _add_deployment_options(parser: argparse.ArgumentParser) -> None:
    """Add what is wanted where others use it too."""
    shared = parser.add_argument_group("for a team, or behind a proxy")
    shared.add_argument("--auth", metavar="FILE", help="who may use it: lines of `veason user NAME`")
    shared.add_argument("--user-header", metavar="NAME", help="trust this header of a proxy to name who is signed in")
    shared.add_argument("--proxy-secret", metavar="FILE", help="holds what the proxy sends in X-Proxy-Secret")
    shared.add_argument("--root-path", metavar="PATH", default="", help="where a proxy shows it, such as /veason")
    shared.add_argument("--metrics", action="store_true", help="answer /metrics in the form of Prometheus")
    shared.add_argument("--mcp", action="store_true", help="offer the programming interface as tools of MCP, at /mcp")
    shared.add_argument("--log-json", action="store_true", help="write logs as JSON lines, one for each request")


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    signal.signal(signal.SIGTERM, _end)  # so that the visitors' files are removed however the server is stopped

    from veason.studio.server.app import serve
    from veason.studio.server.deployment import Deployment
    from veason.studio.server.settings import Settings

    if args.lab and args.visitors:
        raise OptionError("--lab shows the owner's runs: it does not go with --visitors, who are strangers")
    deployment = Deployment(
        root_path=args.root_path,
        auth=Path(args.auth) if args.auth else None,
        user_header=args.user_header,
        proxy_secret=read_secret(args.proxy_secret) if args.proxy_secret else "",
        has_metrics=args.metrics,
        has_mcp=args.mcp,
        logs_json=args.log_json,
    )
    chosen = {"workers": args.workers, "video_mb": args.video_memory, "transfer_mb": args.transfer_disk}
    serve(
        Settings(
            policy=args.policy,
            segmenter=args.segmenter,
            models=read_model_options(args),
            are_models_locked=None if args.models is None else args.models == "locked",
            project=Path(args.project) if args.project else None,
            visitors=Path(args.visitors) if args.visitors else None,
            are_examples_recorded=args.recorded_examples,
            hosts=tuple(args.allow_host),
            **{name: value for name, value in chosen.items() if value is not None},
        ),
        host=args.host,
        port=args.port,
        deployment=deployment,
        mounts={"lab": partial(_make_lab, Path(args.lab))} if args.lab else {},
        open_browser=not args.no_browser,
    )
    return 0


def _make_lab(folder: Path, project: Path | None) -> App:
    """Return the lab as an app beside the studio, which sends cases to the app's project."""
    from veason.lab.open_lab import OpenLab
    from veason.lab.server import lab_app
    from veason.lab.store import Lab

    return lab_app(OpenLab(Lab(folder), project=project, studio="../"), hosts=None)


def _end(*_: object) -> None:
    raise KeyboardInterrupt

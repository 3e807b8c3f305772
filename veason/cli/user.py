"""`veason user NAME`: a line for the file of people who may use a server (`veason serve --auth FILE`)."""

from __future__ import annotations

import argparse
import getpass
import sys

from veason.cli.options import Commands
from veason.errors import OptionError


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    """Add the command and return its parser."""
    parser = commands.add_parser("user", help="print a line for the file of people of a server", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="the name that what they do goes by")
    parser.add_argument("--role", default="annotator", help="annotator | reviewer | operator (%(default)s)")
    parser.add_argument("--by-proxy", action="store_true", help="without a password: a proxy signs them in")
    return parser


def run(args: argparse.Namespace) -> int:
    """Ask for the password (twice at a terminal, else it is the first line of the input), and print the line."""
    from veason.studio.server.access.people import BY_PROXY, hash_password, line_for

    line_for(args.name, args.role, BY_PROXY)  # a name that cannot be is told before the password is asked for
    print(line_for(args.name, args.role, BY_PROXY if args.by_proxy else hash_password(_password())))
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("password: ")
    if getpass.getpass("again: ") != password:
        raise OptionError("the two passwords differ: nothing was made")
    return password

"""`python -m veason_nano`: the same as `veason nano`."""

import sys

from veason.cli import main

if __name__ == "__main__":
    sys.exit(main(["nano", *sys.argv[1:]]))

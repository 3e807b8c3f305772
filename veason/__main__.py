"""`python -m veason`: the command line."""

import sys

from veason.cli import main

if __name__ == "__main__":
    sys.exit(main())

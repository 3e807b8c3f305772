"""Open the Veason app: `python app.py`, or as the entry point of a Hugging Face Space."""

import argparse
import os

from veason.cli.serve import add_serve_options, run


def main() -> None:
    """Read the flags first; the slow imports come with `run`."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_serve_options(parser)
    if "SPACE_ID" in os.environ:  # a Space is reached from outside its container
        parser.set_defaults(host="0.0.0.0", port=7860, no_browser=True)
    run(parser.parse_args())


if __name__ == "__main__":
    main()

"""Open the Veason app: `python app.py`, or as the entry point of a Hugging Face Space."""

import argparse
import os
import tempfile

from veason.cli.serve import add_serve_options, run


def main() -> None:
    """Read the flags first; the slow imports come with `run`."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_serve_options(parser)
    if "SPACE_ID" in os.environ:  # a Space is reached from outside its container
        kept = "/data" if os.access("/data", os.W_OK) else tempfile.gettempdir()
        parser.set_defaults(host="0.0.0.0", port=7860, no_browser=True, visitors=f"{kept}/veason-visitors")
        parser.set_defaults(recorded_examples=True)
    run(parser.parse_args())


if __name__ == "__main__":
    main()

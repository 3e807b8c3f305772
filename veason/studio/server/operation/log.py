"""Logs as JSON, one object a line: times, names of requests, outcomes, numbers of errors, and nothing people sent."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import TextIO

from veason.studio.server.operation.observing import Served

_LOG = logging.getLogger("veason.served")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON. Of an error its kind and the places in the code are told, not its words."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without an end."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        served = record.__dict__.get("served")
        if isinstance(served, Served):
            line |= {"kind": served.kind, "name": served.name, "outcome": served.outcome}
            line |= {"seconds": round(served.seconds, 4)}
            line |= {"by": served.by} if served.by else {}
        else:
            line["message"] = record.getMessage() if record.name.startswith("veason") else str(record.msg)
        if record.exc_info and record.exc_info[0] is not None:
            line["raised"] = record.exc_info[0].__name__
            line["at"] = [
                f"{frame.filename.rsplit('site-packages/', 1)[-1]}:{frame.lineno}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(line, ensure_ascii=False)


def log_as_json(stream: TextIO = sys.stderr) -> None:
    """From now on write what is logged as JSON lines."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _LOG.setLevel(logging.INFO)


def log_served(served: Served) -> None:
    """Write the line of a request."""
    _LOG.log(logging.ERROR if served.outcome == "failed" else logging.INFO, "served", extra={"served": served})

"""The real server of the studio in this process, on a free port of 127.0.0.1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from veason.studio.server.app import serve
from veason.studio.server.deployment import Deployment
from veason.studio.server.settings import Settings


@contextmanager
def served(
    *, project: Path | None = None, visitors: Path | None = None, deployment: Deployment = Deployment()
) -> Iterator[str]:
    """Serve on recorded answers and the embedded segmenter for the block; give the address, without a slash."""
    page = serve(
        Settings(policy="scripted", segmenter="nano", project=project, visitors=visitors),
        host="127.0.0.1",
        port=None,
        open_browser=False,
        deployment=deployment,
        block=False,
    )
    try:
        yield page.local_url.rstrip("/")
    finally:
        page.close(verbose=False)

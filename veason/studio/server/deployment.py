"""What stands before a server, who may use it, and what its operator sees of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from veason.errors import OptionError
from veason.studio.server.guard import LOOPBACK

_ROOT = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_TAKEN = frozenset(("assets", "config", "gradio_api", "health", "lab", "mcp", "metrics", "static", "who"))
"""First parts of the server's own paths, which a proxy's path would hide."""

_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")


@dataclass(frozen=True, slots=True)
class Deployment:
    """How a server is shared.

    Attributes:
        root_path: where a proxy shows the app, such as "/veason"; "" is the top.
        auth: a file of the people who may use it, see `veason.studio.server.access.people`; None for everybody.
        user_header: the header in which a proxy names who is signed in; None where it does not.
        proxy_secret: what the proxy sends in X-Proxy-Secret, "" where it sends none.
        has_metrics: whether /metrics is answered.
        has_mcp: whether /mcp offers the programming interface as tools.
        logs_json: whether logs are written as JSON lines, with one for each request.

    Raises:
        OptionError: a value is of another form.
    """

    root_path: str = ""
    auth: Path | None = None
    user_header: str | None = None
    proxy_secret: str = ""
    has_metrics: bool = False
    has_mcp: bool = False
    logs_json: bool = False

    def __post_init__(self) -> None:
        if not _ROOT.fullmatch(self.root_path):
            raise OptionError(
                f"--root-path is a path such as /veason, without a slash at its end, got {self.root_path!r}"
            )
        if not _TAKEN.isdisjoint(self.root_path.split("/")[1:2]):
            raise OptionError(f"--root-path {self.root_path} hides a page of the server's own: choose another name")
        if self.user_header is not None and not _HEADER.fullmatch(self.user_header):
            raise OptionError(
                f"--user-header is the name of a header such as X-Forwarded-User, got {self.user_header!r}"
            )

    def check_host(self, host: str) -> None:
        """Raise OptionError where the header of the proxy could come from anybody who reaches the server at `host`."""
        if self.user_header is not None and not self.proxy_secret and host not in LOOPBACK:
            raise OptionError(
                f"with --user-header whoever reaches {host} can be anybody: listen on 127.0.0.1, or give "
                "--proxy-secret FILE and let the proxy send it in X-Proxy-Secret"
            )

    @property
    def is_shared(self) -> bool:
        """Whether others than the owner of this machine use it."""
        return bool(self.root_path) or self.has_people

    @property
    def has_people(self) -> bool:
        """Whether people sign in."""
        return self.auth is not None or self.user_header is not None

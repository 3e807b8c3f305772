"""Disks that refuse: folders that a process sees as lying on a read-only disk."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def may_mount() -> bool:
    """Tell whether a process may have a mount namespace of its own here: as a rule only root may."""
    command = shutil.which("unshare")
    return command is not None and subprocess.run([command, "--mount", "true"], capture_output=True).returncode == 0


def seeing_read_only(folder: Path, command: Sequence[str]) -> list[str]:
    """Return the command that runs another one in a namespace of its own, where the folder is a read-only disk."""
    place = shlex.quote(str(folder))
    script = f"mount --bind {place} {place} && mount -o remount,ro,bind {place} && exec {shlex.join(command)}"
    return ["unshare", "--mount", "sh", "-c", script]

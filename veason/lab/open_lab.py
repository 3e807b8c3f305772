"""A lab that is open in a page, with what can be done from there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from veason.errors import OptionError
from veason.lab.pictures import CasePictures
from veason.lab.store import Lab, Run
from veason.types import Policy


@dataclass
class OpenLab:
    """A lab that is open: runs and pictures that were looked at stay at hand.

    Attributes:
        lab: its runs.
        project: the folder of the project to which cases are sent, None where they cannot be.
        load_policy: gives the policy that answers probes, None where there is none.
        studio: the address of the studio, "" where it is not served beside the lab.
    """

    lab: Lab
    project: Path | None = None
    load_policy: Callable[[], Policy] | None = None
    studio: str = ""
    pictures_of: dict[str, CasePictures] = field(default_factory=dict)
    asking: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def policy(self) -> Policy:
        """The policy that answers probes, loaded when it is first asked. Raises OptionError where there is none."""
        if self.load_policy is None:
            raise OptionError("no policy was named for probes: veason lab open LAB --policy NAME")
        return self.load_policy()

    def run(self, params: Mapping[str, str], name: str = "run") -> Run:
        """Return the run that a request names. Raises OptionError where it names none."""
        if not params.get(name):
            raise OptionError(f"wanted {name}=NAME: the runs are {', '.join(self.lab.names()) or 'none yet'}")
        return self.lab.run(params[name])

    def pictures(self, run: Run) -> CasePictures:
        """Return the pictures of a run. Raises DataError where its dataset is gone."""
        known = self.pictures_of.get(run.info.name)
        if known is None or known.run is not run:  # a run of another time may have had the name
            known = self.pictures_of[run.info.name] = CasePictures.of(run)
        return known

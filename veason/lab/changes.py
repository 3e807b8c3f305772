"""What the lab's page changes: verdicts, saved views, cases sent to a project, probes asked. Runs stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from veason.errors import OptionError
from veason.lab.correcting import send_cases
from veason.lab.open_lab import OpenLab
from veason.lab.probe_tables import ProbeTable, add_rows
from veason.lab.probes import PROBES, run_probes
from veason.lab.query import compile_query
from veason.lab.verdicts import RaterVerdict, Verdicts
from veason.project import Project


def verdict(opened: OpenLab, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a verdict of a rater on a case."""
    texts = _texts(body, "run", "key", "rater", "tag", "note")
    opened.lab.run(texts["run"]).case(texts["key"])
    said = RaterVerdict(texts["run"], texts["key"], texts["rater"], texts["tag"], texts["note"])
    return asdict(Verdicts(opened.lab.folder).add(said))


def view(opened: OpenLab, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a query under a name; an empty one forgets it."""
    texts = _texts(body, "name", "query")
    if texts["query"].strip():
        compile_query(texts["query"])
    opened.lab.save_view(texts["name"], texts["query"])
    return {"views": opened.lab.views()}


def send(opened: OpenLab, body: Mapping[str, Any]) -> dict[str, Any]:
    """Put a case into the project with its ground truth, to be corrected in the studio."""
    texts = _texts(body, "run", "key")
    if opened.project is None:
        raise OptionError("no project was named to send cases to: veason lab open LAB --project FOLDER")
    folder = opened.project
    with Project.open(folder) if folder.exists() else Project.create(folder) as project:
        sent = send_cases(opened.lab.run(texts["run"]), [texts["key"]], project)
    return {"said": sent.summary(), "project": str(folder), "studio": opened.studio}


def probe(opened: OpenLab, body: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a question again in every changed form, keep what comes of it in the table of the policy, and return it."""
    texts = _texts(body, "run", "key")
    run = opened.lab.run(texts["run"])
    run.case(texts["key"])
    sample = opened.pictures(run).samples[texts["key"]]
    if not sample.has_truth:
        raise OptionError(f"{sample.key} has no ground truth: nothing tells what an answer is about")
    with opened.asking:
        policy = opened.policy
        rows = [row for rows in run_probes(policy, [sample]) for row in rows]
    dataset = run.info.dataset["root"]
    name = re.sub(r"[^\w.-]+", "-", f"{Path(policy.name).name}-{run.info.dataset['fingerprint'][:8]}").strip(".-")
    add_rows(opened.lab, ProbeTable(name, policy.name, dataset, tuple(rows)))
    return {"rows": [{**asdict(one), "meaning": PROBES[one.probe].meaning} for one in rows]}


def _texts(body: Mapping[str, Any], *names: str) -> dict[str, str]:
    texts = {name: body.get(name, "") for name in names}
    if not all(isinstance(text, str) and len(text) <= 4000 for text in texts.values()):
        raise OptionError(f"wanted texts of at most 4,000 characters for {', '.join(names)}")
    return texts


CHANGES: dict[str, Callable[[OpenLab, Mapping[str, Any]], dict[str, Any]]] = {
    "verdict": verdict,
    "view": view,
    "send": send,
    "probe": probe,
}

"""Tables of probes in the folder of a lab: what was changed about questions, and what came of the answers.

LAB/probes-NAME.jsonl     {"policy": ..., "dataset": ...} and then a line a question and probe
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from veason.atomic import write_atomically
from veason.errors import DataError, OptionError
from veason.lab.probes import PROBES, Probed
from veason.lab.store import Lab
from veason.locks import locked

_NAME = re.compile(r"[\w.-]{1,80}")
_FILE = "probes-{}.jsonl"
_FIELDS = {"key", "probe", "before", "after", "holds"}


@dataclass(frozen=True)
class ProbeTable:
    """What came of probes.

    Attributes:
        name: of the table.
        policy: the name of the policy that answered, "" where an older table does not tell.
        dataset: the folder of the questions, "" likewise.
        rows: one a question and probe.
    """

    name: str
    policy: str
    dataset: str
    rows: tuple[Probed, ...]


def check_new(lab: Lab, name: str) -> Path:
    """Return the file of a table that is not there yet. Raises OptionError where one of the name is."""
    file = _file(lab, name)
    if file.exists():
        raise OptionError(f"{file} is there already: choose another name, or delete it")
    return file


def write_table(lab: Lab, table: ProbeTable) -> Path:
    """Write a new table and return its file. Raises OptionError where there is one of the name."""
    file = check_new(lab, table.name)
    lab.folder.mkdir(parents=True, exist_ok=True)
    _write(file, table)
    return file


def add_rows(lab: Lab, table: ProbeTable) -> ProbeTable:
    """Put rows into the table of their name, which is made where it is not there; return it whole.

    Rows of the same question and probe take the place of earlier ones.

    Raises:
        OptionError: the table is of another policy or other questions.
    """
    file = _file(lab, table.name)
    lab.folder.mkdir(parents=True, exist_ok=True)
    with locked(file.with_suffix(".lock")):
        known = (
            read_probe_table(lab, table.name)
            if file.exists()
            else ProbeTable(table.name, table.policy, table.dataset, ())
        )
        if (known.policy, known.dataset) != (table.policy, table.dataset):
            raise OptionError(
                f"the table {table.name} holds answers of {known.policy} about {known.dataset}, not of {table.policy} "
                f"about {table.dataset}: choose another name"
            )
        rows = {(row.key, row.probe): row for row in (*known.rows, *table.rows)}
        whole = ProbeTable(table.name, table.policy, table.dataset, tuple(rows.values()))
        _write(file, whole)
    return whole


def read_tables(lab: Lab) -> Iterator[ProbeTable]:
    """Yield the tables by name. Raises DataError where one cannot be read."""
    prefix, suffix = _FILE.split("{}")
    for file in sorted(lab.folder.glob(_FILE.format("*"))):
        yield read_probe_table(lab, file.name[len(prefix) : -len(suffix)])


def read_probe_table(lab: Lab, name: str) -> ProbeTable:
    """Return a table. Raises DataError where it is missing or cannot be read; what wrote it may be older."""
    file = _file(lab, name)
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: no table of probes can be read there: {error}") from error
    about = lines[0] if lines and isinstance(lines[0], dict) and "policy" in lines[0] else {}
    rows = []
    for number, line in enumerate(lines, start=1):
        if line is about:
            continue
        if not isinstance(line, dict) or set(line) != _FIELDS or line["probe"] not in PROBES:
            raise DataError(f"{file}: line {number} is no row of a table of probes")
        rows.append(Probed(**line))
    return ProbeTable(name, str(about.get("policy", "")), str(about.get("dataset", "")), tuple(rows))


def _file(lab: Lab, name: str) -> Path:
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise OptionError(f"the name of a table holds letters, digits, - _ and ., got {name[:100]!r}")
    return lab.folder / _FILE.format(name)


def _write(file: Path, table: ProbeTable) -> None:
    lines: Sequence[object] = ({"policy": table.policy, "dataset": table.dataset}, *map(asdict, table.rows))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomically(file, text)

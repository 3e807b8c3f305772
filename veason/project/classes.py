"""The classes of a project: what its objects can be, each with a colour, a key and attributes.

They are kept as one note, in the order in which a person put them; every change is a line of the log too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from veason.errors import ProjectError
from veason.project.database import Database, next_revision
from veason.project.edits import Origin, write_log

NOTE = "classes"
"""The key of the note that keeps them."""

MOST_CLASSES, MOST_ATTRIBUTES, MOST_VALUES = 200, 20, 100
MOST_NAME_LETTERS = 80

_COLOUR = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class ClassAttribute:
    """Something that is said of every object of a class: one of `values`, or any text where there are none.

    Raises:
        ProjectError: it has no name, a value is empty or comes twice, or there are too many.
    """

    name: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_name("an attribute", self.name)
        if len(self.values) > MOST_VALUES or len(set(self.values)) != len(self.values):
            raise ProjectError(f"the values of {self.name!r} should be different, and at most {MOST_VALUES}")
        for value in self.values:
            _check_name(f"a value of {self.name!r}", value)


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """A class that objects can have.

    Attributes:
        name: unique in the project; exports use it as the category.
        colour: "#rrggbb" in small letters; of all objects of the class.
        key: one letter or digit that gives the class, "" for none.
        attributes: what is said of each object.

    Raises:
        ProjectError: one of them is not of its form.
    """

    name: str
    colour: str
    key: str = ""
    attributes: tuple[ClassAttribute, ...] = field(default=())

    def __post_init__(self) -> None:
        _check_name("a class", self.name)
        if not _COLOUR.fullmatch(self.colour):
            raise ProjectError(f"the colour of {self.name!r} should be like #56b4e9, got {self.colour!r}")
        if self.key and not re.fullmatch("[a-z0-9]", self.key):
            raise ProjectError(f"the key of {self.name!r} should be one small letter or digit, got {self.key!r}")
        names = [one.name for one in self.attributes]
        if len(names) > MOST_ATTRIBUTES or len(set(names)) != len(names):
            raise ProjectError(f"the attributes of {self.name!r} should be different, and at most {MOST_ATTRIBUTES}")


def _check_name(what: str, name: str) -> None:
    if not name or name != " ".join(name.split()) or len(name) > MOST_NAME_LETTERS or not name.isprintable():
        raise ProjectError(
            f"{what} needs a name of 1 to {MOST_NAME_LETTERS} letters without a space at its ends: {name!r}"
        )


def check_classes(classes: Sequence[ObjectClass]) -> None:
    """Raise ProjectError where there are too many classes, or two have one name or one key."""
    names, keys = [one.name.casefold() for one in classes], [one.key for one in classes if one.key]
    if len(classes) > MOST_CLASSES:
        raise ProjectError(f"a project has at most {MOST_CLASSES} classes, got {len(classes)}")
    for kind, found in (("name", names), ("key", keys)):
        twice = next((one for one in found if found.count(one) > 1), None)
        if twice is not None:
            raise ProjectError(f"two classes have the {kind} {twice!r}: change one")


def read_classes(text: str | None) -> tuple[ObjectClass, ...]:
    """Return the classes of a note's text, none without one. Raises ProjectError where it is not such a text."""
    if text is None:
        return ()
    try:
        classes = tuple(
            ObjectClass(
                row["name"],
                row["colour"],
                row["key"],
                tuple(ClassAttribute(one["name"], tuple(one["values"])) for one in row["attributes"]),
            )
            for row in json.loads(text)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProjectError(f"the classes of this project cannot be read: {error!r}") from error
    check_classes(classes)
    return classes


class Classes:
    """The classes of a project. Raises ProjectError as `LabelStore` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[ObjectClass, ...]:
        """Return them in their order."""
        with self._database.read() as db:
            row = db.execute("SELECT value FROM about WHERE key = ?", (NOTE,)).fetchone()
        return read_classes(None if row is None else row[0])

    def keep(self, classes: Sequence[ObjectClass], *, annotator: str | None = None) -> None:
        """Put these in the place of those that are there. Objects keep their class, also one that is listed no more."""
        check_classes(classes)
        text = json.dumps([asdict(one) for one in classes], ensure_ascii=False)
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (NOTE, text))
            body = {"names": [one.name for one in classes]}
            write_log(db, next_revision(db), None, "classes", body, Origin(annotator=annotator))

    def add_missing(self, classes: Sequence[ObjectClass], *, annotator: str | None = None) -> None:
        """Add those whose names are new, as an import brings them, as far as there is room; no key is given twice."""
        known = list(self.all())
        names, keys = {one.name.casefold() for one in known}, {one.key for one in known}
        for one in classes:
            if one.name.casefold() in names or len(known) == MOST_CLASSES:
                continue
            key = one.key if one.key not in keys else ""
            known.append(ObjectClass(one.name, one.colour, key, one.attributes))
            names.add(one.name.casefold())
            keys.add(key)
        if len(known) > len(self.all()):
            self.keep(known, annotator=annotator)

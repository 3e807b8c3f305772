"""XML files that others wrote, without what makes XML dangerous: no document types, so no entities, and no depth."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from veason.errors import DataError

_DEEPEST = 40
_CHUNK = 1 << 20


def read_xml_file(file: Path, wanted: str) -> Element:
    """Return the root of an XML file; `wanted` says in a few words what it should hold.

    Raises:
        DataError: it cannot be read, is not XML, or declares a document type, as files with entity bombs do.
    """
    builder, depth = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise DataError(f"{file}: is nested deeper than {_DEEPEST} elements; it should hold {wanted}")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise DataError(f"{file}: declares a document type (DOCTYPE), which no file of labels does: remove it")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); it should hold {wanted}") from error
    except (expat.ExpatError, ValueError) as error:
        raise DataError(f"{file}: is not XML ({error}); it should hold {wanted}: download it again") from error
    return builder.close()

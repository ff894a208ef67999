"""XML files whose repeated elements are rows, read as a stream.

Document type declarations are refused outright, and with them every trick that entities
allow. What is held at any time is one outermost row.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from matcher.read.members import DAMAGED, Member
from matcher.read.tables import (
    Header,
    Progress,
    RawTable,
    TableBuilder,
    wanted_columns,
)
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Table

_CHUNK = 1 << 16
_DAMAGED: tuple[type[Exception], ...] = (ParseError, LookupError, *DAMAGED)
_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([\w.-]+)")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DEEPEST = 100
_LONGEST_TEXT = 1 << 20
_MOST_VALUES = 10_000  # within one outermost row

# A path from the root: names of elements without their namespaces.
ElementPath = tuple[str, ...]


class _TooLargeError(Exception):
    """Depth, text or number of values beyond what any extract needs."""


def read_xml(
    member: Member, definition: SourceDefinition, progress: Progress | None
) -> list[RawTable]:
    """The tables of an XML file, even without rows; none if it has no place for them.

    Raises ExtractRefused if it is not XML, is cut short, or declares a document type.
    """
    builders = {
        table.name: TableBuilder(member.name, _header(table), progress=progress, blank_is_row=True)
        for table in definition.tables
        if table.element
    }
    target = _RowTarget(
        [_RowPlan.of(table) for table in definition.tables if table.element],
        lambda name, line, cells: builders[name].add(line, cells),
    )
    parser = XMLParser(target=target, forbid_dtd=True)
    target.line = lambda: int(parser.parser.CurrentLineNumber)
    try:
        with member.open() as stream:
            while chunk := stream.read(_CHUNK):
                parser.feed(chunk)
            parser.close()
    except DefusedXmlException as error:
        raise member.refused(
            "xml_forbidden", "the XML declares a document type or entities; export plain XML"
        ) from error
    except _TooLargeError as error:
        raise member.refused("too_large", "an element is larger than any record can be") from error
    except _DAMAGED as error:
        _refuse_misread(member)
        raise member.refused(
            "damaged_xml", "the file is no XML, or is cut short or damaged; export it again"
        ) from error
    return [builder.finish() for builder in builders.values()] if target.has_place else []


def _refuse_misread(member: Member) -> None:
    """Raise ExtractRefused if the file is blank, or its bytes are not as it declares them."""
    try:
        with member.open() as stream:
            start = stream.read(200)
            if start.startswith(_UTF16_MARKS):
                return
            declared = _ENCODING.search(start)
            decoder = codecs.getincrementaldecoder(declared[1].decode() if declared else "utf-8")()
            decoder.decode(start)
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
    except (UnicodeError, LookupError) as error:
        named = "that it declares" if declared else "UTF-8, which XML is in unless it says so"
        raise member.refused(
            "wrong_encoding",
            f"the XML is not in the encoding {named}; export it again, or let its first line "
            "name the encoding that it is in, such as Windows-1252",
        ) from error
    except DAMAGED:
        return
    if not start.removeprefix(codecs.BOM_UTF8).strip() and member.size <= len(start):
        raise member.refused("empty_file", "the file holds nothing but blanks; export it again")


def _header(table: Table) -> Header:
    columns = wanted_columns(table)
    positions = {name: index for index, name in enumerate(columns)}
    return Header(table, 0, positions, len(columns), len(columns), 0, ())


@dataclass(frozen=True)
class _RowPlan:
    """A table's row element, and for each column the paths at which its value may stand."""

    table: str
    element: ElementPath
    columns: tuple[tuple[ElementPath, ...], ...]

    @classmethod
    def of(cls, table: Table) -> "_RowPlan":
        element = tuple((table.element or "").strip("/").split("/"))
        return cls(
            table.name,
            element,
            tuple(
                tuple(_resolve(element, path) for path in paths)
                for paths in wanted_columns(table).values()
            ),
        )


def _resolve(element: ElementPath, path: str) -> ElementPath:
    """A column's path from the root; ``..`` goes up, a leading ``/`` starts at the root."""
    steps = [] if path.startswith("/") else list(element)
    for part in path.strip("/").split("/"):
        if part == "..":
            steps.pop()
        else:
            steps.append(part)
    return tuple(steps)


@dataclass
class _RowTarget:
    """Receives elements and emits rows when their outermost row element ends.

    A nested row waits until then, because values of its parents may follow it.
    """

    plans: list[_RowPlan]
    emit: Callable[[str, int, list[str]], None]
    line: Callable[[], int] = lambda: 0
    has_place: bool = False  # whether there is an element in which rows may stand
    _path: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _length: int = 0
    _values: dict[ElementPath, str] = field(default_factory=dict)
    _waiting: list[tuple[_RowPlan, int, dict[ElementPath, str]]] = field(default_factory=list)
    _open: list[tuple[_RowPlan, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._wanted = {path for plan in self.plans for paths in plan.columns for path in paths}
        self._elements = {plan.element: plan for plan in self.plans}
        self._places = {plan.element[:-1] or plan.element for plan in self.plans}

    def start(self, tag: str, _: dict[str, str]) -> None:
        """An element begins."""
        self._path.append(tag.rpartition("}")[2])
        if len(self._path) > _DEEPEST:
            raise _TooLargeError
        path = tuple(self._path)
        self.has_place |= path in self._places
        plan = self._elements.get(path)
        if plan:
            self._open.append((plan, self.line()))
            self._forget_below(plan.element)
        self._text.clear()
        self._length = 0

    def data(self, text: str) -> None:
        """Text within the innermost element."""
        self._length += len(text)
        if self._length > _LONGEST_TEXT:
            raise _TooLargeError
        self._text.append(text)

    def end(self, _: str) -> None:
        """An element ends."""
        path = tuple(self._path)
        self._path.pop()
        if path in self._wanted and (text := "".join(self._text).strip()):
            self._values.setdefault(path, text)
        self._text.clear()
        self._length = 0
        if path in self._elements:
            plan, line = self._open.pop()
            depth = len(plan.element)
            own = {at: text for at, text in self._values.items() if at[:depth] == plan.element}
            self._waiting.append((plan, line, own))
            if len(self._waiting) > _MOST_VALUES:
                raise _TooLargeError
            if self._open:
                self._forget_below(plan.element)
            else:
                self._release()

    def close(self) -> None:
        """The document ends."""

    def _release(self) -> None:
        for plan, line, own in sorted(self._waiting, key=lambda waiting: waiting[1]):
            cells = [
                next((v for path in paths if (v := own.get(path) or self._values.get(path))), "")
                for paths in plan.columns
            ]
            self.emit(plan.table, line, cells)
        self._forget_below(self._waiting[-1][0].element)
        self._waiting.clear()

    def _forget_below(self, element: ElementPath) -> None:
        depth = len(element)
        self._values = {at: text for at, text in self._values.items() if at[:depth] != element}

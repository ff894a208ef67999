"""In which encoding a text file is, asked of its bytes before any cell is read.

A declared Windows-1252 is believed only where the bytes are no UTF-8: text of several
lines in Windows-1252 that happens to be UTF-8 does not occur. Where UTF-8 lines stand beside
others, as when two exports were put one below the other, each line is read as what it is.
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from matcher.read.members import DAMAGED, Member
from matcher.rules.sources import SourceDefinition

_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 25
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEGACY = "cp1252"
# ASCII in UTF-16 without its mark: every other byte is zero.
_WIDE = re.compile(rb"(?:[^\0]\0){4}|(?:\0[^\0]){4}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to decode a file, and what is worth a note: code and count.

    ``by_line`` decodes each line that is no UTF-8 as Windows-1252.
    """

    name: str
    by_line: bool = False
    notes: tuple[tuple[str, int], ...] = ()


def find_encoding(member: Member, definition: SourceDefinition) -> Encoding:
    """The encoding of a file. Raises ExtractRefused if it is no text or in no such encoding."""
    try:
        with member.open() as stream:
            start = stream.read(8)
        for mark, name in _MARKS:
            if start.startswith(mark) and _undecodable(member, name) is not None:
                return Encoding(name)
        if _WIDE.match(start):
            raise member.refused(
                "wrong_encoding",
                "this is text in UTF-16 without the mark that says so; save it as CSV UTF-8",
            )
        found = _declared(member, definition)
    except DAMAGED as error:
        raise member.refused("damaged_file", "the file cannot be read to its end") from error
    if found:
        return found
    raise member.refused(
        "wrong_encoding",
        f"the text is not in {' or '.join(definition.encodings)}; export it as CSV UTF-8",
    )


def open_text(member: Member, encoding: Encoding) -> IO[str]:
    """The text of a file with its line ends as they are."""
    if encoding.by_line:
        raw = io.BufferedReader(_AsUtf8(member.open()), _CHUNK)
        return io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
    errors = "replace" if encoding.name == _LEGACY else "strict"
    return io.TextIOWrapper(member.open(), encoding=encoding.name, errors=errors, newline="")


def _declared(member: Member, definition: SourceDefinition) -> Encoding | None:
    """The first of the declared encodings that fits, unless the bytes tell better."""
    if _undecodable(member, "utf-8") is not None:
        if "utf-8" in definition.encodings:
            return Encoding("utf-8")
        if _is_ascii(member):
            return Encoding(_LEGACY)
        return Encoding("utf-8", notes=(("read_as_utf8", 1),))
    if _LEGACY not in definition.encodings:
        return None
    replaced = _undecodable(member, _LEGACY) or 0
    utf8, legacy, replaced_by_line = _count_lines(member)
    if utf8 and legacy:
        notes = [("mixed_encodings", legacy), ("characters_replaced", replaced_by_line)]
        return Encoding("utf-8", True, tuple(note for note in notes if note[1]))
    guessed = "utf-8" in definition.encodings
    notes = [("read_as_windows_1252", int(guessed)), ("characters_replaced", replaced)]
    return Encoding(_LEGACY, notes=tuple(note for note in notes if note[1]))


def _undecodable(member: Member, encoding: str) -> int | None:
    """None if the bytes are not in this encoding; else how many characters it lacks.

    Windows-1252 leaves five bytes open; those become replacement characters.
    """
    errors = "replace" if encoding == _LEGACY else "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    replaced = unbroken = 0
    with member.open() as stream:
        while True:
            chunk = stream.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError:
                return None
            if "\0" in text:
                raise member.refused(
                    "binary",
                    "the file holds NUL bytes, so it is neither text nor a workbook that can be "
                    "read; export it again as CSV or XLSX",
                )
            unbroken = 0 if "\n" in text or "\r" in text else unbroken + len(text)
            if unbroken > _LONGEST_LINE:
                raise member.refused("line_too_long", "the file has no line breaks; it is no CSV")
            if errors == "replace":
                replaced += text.count("\ufffd")
            if not chunk:
                return replaced


def _is_ascii(member: Member) -> bool:
    with member.open() as stream:
        while chunk := stream.read(_CHUNK):
            if not chunk.isascii():
                return False
    return True


def _count_lines(member: Member) -> tuple[int, int, int]:
    """Lines with more than ASCII that are UTF-8, those that are not, and what these lack."""
    utf8 = legacy = replaced = 0
    with member.open() as stream:
        for line in _lines(stream):
            if line.isascii():
                continue
            if _is_utf8(line):
                utf8 += 1
            else:
                legacy += 1
                replaced += line.decode(_LEGACY, "replace").count("\ufffd")
    return utf8, legacy, replaced


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines with their ends, whichever of the three kinds those are."""
    for lines in stream:
        yield from lines.splitlines(keepends=True)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _AsUtf8(io.RawIOBase):
    """The bytes of a file with its Windows-1252 lines turned into UTF-8."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines = _lines(stream)
        self._rest = b""

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fill the buffer as far as the next lines go."""
        if not self._rest:
            line = next(self._lines, b"")
            utf8 = line.isascii() or _is_utf8(line)
            self._rest = line if utf8 else line.decode(_LEGACY, "replace").encode()
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)

    def close(self) -> None:
        """Close the file below as well."""
        self._stream.close()
        super().close()

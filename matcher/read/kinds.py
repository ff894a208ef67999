"""Files that are no list, told by how they begin, with what people call them.

What is certainly no text is refused before it is read. Text of another form is looked for
only once no header was found, because a list may begin in any way.
"""

import re

from matcher.read.members import Member

# Beginnings of files that are certainly no text.
_NOT_TEXT = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"{\\rtf", "a text document (RTF)"),
)
_SPREADSHEET = "open it in a spreadsheet and save it as XLSX or CSV UTF-8"
_TEXT = (
    (
        re.compile(rb"<(!doctype html|html|head|body|meta|table|div)\b", re.IGNORECASE),
        f"a web page (HTML), whatever its name says; {_SPREADSHEET}",
    ),
    (
        re.compile(rb"<\?xml\b.*(urn:schemas-microsoft-com:office|Excel\.Sheet)", re.DOTALL),
        f"an XML spreadsheet; {_SPREADSHEET}",
    ),
    (re.compile(rb"<\?xml\b"), "XML, which this source is not given as; export XLSX or CSV UTF-8"),
    (re.compile(rb"[\[{]\s*[\"\[{]"), "JSON; export XLSX or CSV UTF-8"),
)
_UTF8_MARK = b"\xef\xbb\xbf"


def refuse_what_is_no_text(member: Member, start: bytes) -> None:
    """Raise ExtractRefused for an empty file and for one that begins as no text does."""
    if not start:
        raise member.refused("empty_file", "the file is empty (0 bytes); export it again")
    for mark, kind in _NOT_TEXT:
        if start.startswith(mark):
            raise member.refused(
                "wrong_kind", f"this is {kind}, whatever its name says; export a CSV or XLSX"
            )


def refuse_other_text(member: Member, start: bytes) -> None:
    """Raise ExtractRefused if a file without a header is blank, or text of another form.

    ``start`` is its beginning, long enough to hold a declaration.
    """
    text = start.removeprefix(_UTF8_MARK).lstrip()
    if not text and member.size <= len(start):
        raise member.refused("empty_file", "the file holds nothing but blanks; export it again")
    for pattern, what in _TEXT:
        if pattern.match(text):
            raise member.refused("wrong_kind", f"this is {what}")

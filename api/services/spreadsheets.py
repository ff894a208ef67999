"""CSV that people open in a spreadsheet: no cell of it is taken for a formula.

What a spreadsheet takes for one can send what stands beside it anywhere. As OWASP advises, an
apostrophe goes before such text, which spreadsheets do not show. Files for programs have no
use for that: see docs/reference/exports.md.
"""

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: object) -> object:
    """What stands in a cell; only text can be a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINNINGS) else cell

"""Tables as plain text or Markdown, and figures with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.intervals import Interval, wilson

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """A title, a head and rows of cells; notes stand below."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """As columns for a terminal: the first flush left, the others flush right."""
        rows = [list(self.head), *(list(row) for row in self.rows)]
        widths = [max(len(row[at]) for row in rows) for at in range(len(self.head))]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0])]
                + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            ).rstrip()
            for row in rows
        ]
        lines.insert(1, "-" * max(map(len, lines)))
        return "\n".join([self.title, "", *lines, *(f"  {note}" for note in self.notes)])

    def markdown(self) -> str:
        """As a Markdown section."""
        lines = ["| " + " | ".join(row) + " |" for row in (self.head, *self.rows)]
        lines.insert(1, "|---" + "|--:" * (len(self.head) - 1) + "|")
        notes = [line for note in self.notes for line in ("", note)]
        return "\n".join([f"## {self.title}", "", *lines, *notes])


def share(found: tuple[int, int] | None, digits: int = 4) -> str:
    """A share with its 95% interval."""
    if found is None or found[1] == 0:
        return NOTHING
    return f"{found[0] / found[1]:.{digits}f} {_brackets(wilson(*found), digits)}"


def bare(found: tuple[int, int] | None, digits: int = 4) -> str:
    """A share without its interval."""
    if found is None or found[1] == 0:
        return NOTHING
    return f"{found[0] / found[1]:.{digits}f}"


def figure(value: float | None, digits: int = 4) -> str:
    """A number, or a dash."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def f1(value: float | None, interval: Interval | None) -> str:
    """F1 with its 95% interval."""
    return NOTHING if value is None else f"{value:.4f} {_brackets(interval, 4)}"


def _brackets(interval: Interval | None, digits: int) -> str:
    if interval is None:
        return ""
    return f"[{interval.lower:.{digits}f}, {interval.upper:.{digits}f}]"

"""Whether a run would hold what it would have held when it was previewed.

What waits for a run, and the rules that it goes by, have a mark. A preview leaves it behind, and
whoever then asks for the run may have it refused if the mark is another by now.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select

from api.db.models import Correction, Decision, PreviewRow, Run, Severance
from api.services.extracts import Due
from api.services.register.kept_rules import InForce
from api.services.register.placing import waiting_places
from matcher.errors import DataError


@dataclass(frozen=True, slots=True)
class Previewed:
    """Previews that a run may be held against: all after one run, each by its mark."""

    after_run: int
    marks: frozenset[str]

    def check_run(self, connection: Connection) -> None:
        """Raises DataError if another run came in between."""
        check_last_run(connection, self.after_run)
        if not self.marks:
            raise DataError(
                f"you have not previewed this after run {self.after_run}; do so with --preview"
            )

    def check_mark(self, mark: str) -> None:
        """Raises DataError if what the run holds is otherwise than at each of the previews."""
        if mark not in self.marks:
            raise DataError(
                "what this would link by which rules is otherwise than at the preview: an extract "
                "was accepted or withdrawn, something decided, corrected or severed, or the rules "
                "edited; make another preview"
            )


def check_last_run(connection: Connection, run: int) -> None:
    """Raises DataError if there was another run since."""
    latest = connection.scalar(select(func.max(Run.id)))
    if latest != run:
        raise DataError(
            f"the register is at run {latest} by now, not at {run}; make another preview"
        )


def mark_of(
    connection: Connection, rules: InForce, due: Sequence[Due] = (), *, run: int | None = None
) -> str:
    """The mark of what waits, with extracts that are ``due``; or of what a ``run`` holds."""
    acts = []
    for table in (Decision, Severance, Correction):
        mine: ColumnElement[bool] = table.run.is_(None) if run is None else table.run == run
        acts.append(list(connection.scalars(select(table.id).where(mine).order_by(table.id))))
    acts.append(waiting_places(connection).tolist())
    hashes = rules.book.content_hash, rules.model.content_hash
    extracts = [[one.extract, one.undo] for one in due]
    return hashlib.sha256(json.dumps([*hashes, extracts, *acts]).encode()).hexdigest()


def note_preview(
    connection: Connection, *, after_run: int, mark: str, by: str, now: datetime
) -> None:
    """Remember that somebody was shown what a run would do."""
    row = {"after_run": after_run, "mark": mark, "by": by, "created_at": now}
    connection.execute(insert(PreviewRow).values(row))


def previews_after(connection: Connection, run: int, *, by: str) -> Previewed:
    """What somebody was shown after a run."""
    query = select(PreviewRow.mark).where(
        PreviewRow.after_run == run, PreviewRow.by == by, PreviewRow.mark.is_not(None)
    )
    return Previewed(run, frozenset(mark for mark in connection.scalars(query) if mark))

"""A register that tests load, decide in and link, and what linking everything would give."""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, select

from api.db.engine import reading, writing
from api.db.models import (
    Decision,
    Extract,
    ExtractState,
    Membership,
    Record,
    RecordVersion,
    SearchEntry,
    Severance,
    Source,
)
from api.services.extracts import Mode, accept, current_records, receive, withdraw
from api.services.extracts.validation import validate
from api.services.register import corrections, deciding, severances, shielding
from api.services.register.decisions import as_positions
from api.services.register.kept_rules import InForce
from api.services.register.running import RunResult, relink, run_register
from api.services.register.single import Put, delete_record, put_record
from api.services.retention.erasing import Erased, erase_asked
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from matcher.deciding import decide
from matcher.pipeline import score

NOW = datetime(2024, 9, 1, 12, tzinfo=UTC)
DAY = date(2024, 9, 1)
COLUMNS = [
    "record_id",
    "forename",
    "surname",
    "name",
    "date_of_birth",
    "sex",
    "nhs_number",
    "address",
    "postcode",
    "change",
]
# Always link what changed, however much of the register that is.
ANY_PART = 1e9

Key = tuple[str, str]
Row = Mapping[str, str]


@cache
def shipped() -> InForce:
    book = load_rule_book(shipped_rules())
    return InForce(book, shipped_model(book))


@dataclass
class Register:
    """A register in a database; files of extracts are written to ``folder``."""

    engine: Engine
    folder: Path
    files: int = field(default=0)
    rules: InForce = field(default_factory=lambda: shipped())

    def load(
        self, source: str, rows: Iterable[Row], mode: Mode = "snapshot", day: int = 0
    ) -> list[RunResult]:
        """Receive, accept and link an extract of a day, in a run of its own."""
        with writing(self.engine) as connection:
            self.accept(connection, source, rows, mode, day)
            return self._run(connection)

    def accept(
        self,
        connection: Connection,
        source: str,
        rows: Iterable[Row],
        mode: Mode = "snapshot",
        day: int = 0,
    ) -> None:
        """Receive an extract and have it linked by the next run, whatever is said of it."""
        received = receive(
            connection,
            source=source,
            path=self.write(rows),
            as_of=DAY + timedelta(days=day),
            mode=mode,
            by="analyst",
            book=self.rules.book,
            now=NOW,
        )
        if not received.unchanged:
            found = validate(
                connection, received.extract, book=self.rules.book, by="analyst", now=NOW
            )
            if found.state == ExtractState.VALIDATED:
                accept(connection, received.extract, by="analyst", now=NOW)

    def put(self, record: Key, said: Row, day: int = 0) -> Put:
        """Let one record say something, and link it."""
        with writing(self.engine) as connection:
            return put_record(
                connection,
                self.rules,
                source=record[0],
                record_id=record[1],
                values={name: text for name, text in said.items() if name != "record_id"},
                as_of=DAY + timedelta(days=day),
                by="clinic",
                now=NOW + timedelta(days=day),
            )

    def delete(self, record: Key) -> None:
        """Let one record say nothing any more."""
        with writing(self.engine) as connection:
            delete_record(
                connection, self.rules, source=record[0], record_id=record[1], by="clinic", now=NOW
            )

    def marked(self, how: Any) -> set[Key]:
        """Current records that are marked: RecordVersion.unplaced or unaccompanied."""
        with reading(self.engine) as connection:
            keys = {number: key for key, number in self.ids(connection).items()}
            query = select(RecordVersion.record).where(RecordVersion.to_run.is_(None), how)
            return {keys[number] for number in connection.scalars(query)}

    def unplaced(self) -> set[Key]:
        """Records whose place is not compared."""
        return self.marked(RecordVersion.unplaced)

    def decide(self, kind: str, one: Key, other: Key) -> int:
        """Enter a decision and let it take effect; its number."""
        with writing(self.engine) as connection:
            number = deciding.decide(
                connection, kind=kind, one=one, other=other, why="a test", by="reviewer", now=NOW
            )
            self._run(connection)
            return number

    def undo(self, decision: int) -> None:
        """Take back a decision and let that take effect."""
        with writing(self.engine) as connection:
            deciding.undo_decision(connection, decision, why="a test", by="reviewer", now=NOW)
            self._run(connection)

    def withdraw_last(self, source: str) -> None:
        """Take back the latest extract of a source that is current."""
        last = (
            select(Extract.id)
            .join(Source, Source.number == Extract.source)
            .where(Source.name == source, Extract.state == ExtractState.CURRENT)
            .order_by(Extract.run.desc())
            .limit(1)
        )
        with writing(self.engine) as connection:
            withdraw(
                connection,
                connection.execute(last).scalar_one(),
                by="analyst",
                now=NOW,
                why="a slip",
            )
            self._run(connection)

    def correct(self, record: Key, field: str, value: str) -> int:
        """Set a value by hand and let that take effect; the correction's number."""
        with writing(self.engine) as connection:
            number = corrections.correct(
                connection,
                record=record,
                field=field,
                value=value,
                why="a test",
                by="reviewer",
                now=NOW,
                rules=self.rules.book.linkage,
            )
            self._run(connection)
            return number

    def release(self, correction: int) -> None:
        """Let a value be picked again, and let that take effect."""
        with writing(self.engine) as connection:
            corrections.release_correction(
                connection, correction, why="a test", by="reviewer", now=NOW
            )
            self._run(connection)

    def shield(self, record: Key) -> int:
        """Hide where a record's child lives; the shield's number."""
        with writing(self.engine) as connection:
            return shielding.shield(connection, record=record, why="a test", by="reviewer", now=NOW)

    def lift(self, record: Key) -> int:
        """Lift every shield from a record's child, and let that take effect; how many."""
        with writing(self.engine) as connection:
            lifted = shielding.lift_shields(
                connection, record=record, why="a test", by="reviewer", now=NOW
            )
            self._run(connection)
            return lifted

    def sever(self, one: list[Key], other: list[Key]) -> None:
        """Keep two identities apart for good, and let that take effect."""
        with writing(self.engine) as connection:
            severances.sever(connection, one=one, other=other, why="a test", by="reviewer", now=NOW)
            self._run(connection)

    def severances(self) -> list[tuple[Key, Key]]:
        """Pairs that are severed, by people or as one of the two joined a side."""
        with reading(self.engine) as connection:
            keys = {number: key for key, number in self.ids(connection).items()}
            query = select(Severance.record_l, Severance.record_r).order_by(Severance.id)
            return [(keys[l], keys[r]) for l, r in connection.execute(query)]

    def erase(self, *records: Key) -> Erased:
        """Erase records as if somebody had asked for it."""
        with writing(self.engine) as connection:
            ids = self.ids(connection)
            return erase_asked(
                connection,
                self.rules,
                records=np.array([ids[record] for record in records], dtype=np.int64),
                about="a test",
                why="a test",
                by="steward",
                now=NOW,
                largest_part=ANY_PART,
            )

    def relink(self, rules: InForce) -> None:
        """Put rules in force."""
        self.rules = rules
        with writing(self.engine) as connection:
            relink(connection, rules, by="analyst", now=NOW)

    def link_anew(self) -> list[RunResult]:
        """Link everything, whatever changed."""
        with writing(self.engine) as connection:
            return self._run(connection, anew=True)

    def decisions(self) -> list[int]:
        """Decisions that can be taken back."""
        with reading(self.engine) as connection:
            undone = select(Decision.undoes).where(Decision.undoes.is_not(None))
            mine = select(Decision.id).where(Decision.kind != "undo", Decision.id.not_in(undone))
            return list(connection.scalars(mine.order_by(Decision.id)))

    def children(self) -> set[frozenset[Key]]:
        """Records by child, as the register has them."""
        with reading(self.engine) as connection:
            child_of = dict(
                connection.execute(
                    select(Membership.record, Membership.child).where(Membership.to_run.is_(None))
                ).all()
            )
            keys = {number: key for key, number in self.ids(connection).items()}
        return _grouped({keys[record]: child for record, child in child_of.items()})

    def search_entries(self) -> list[tuple[object, ...]]:
        """What people search by, in order of record."""
        with reading(self.engine) as connection:
            table = SearchEntry.__table__
            return [tuple(row) for row in connection.execute(select(table).order_by("record"))]

    def linked_at_once(self) -> set[frozenset[Key]]:
        """Records by child, as linking the current records and decisions at once has them."""
        with reading(self.engine) as connection:
            records = current_records(connection)
            if records.empty:
                return set()
            linkage = shipped().book.linkage
            scored = score(records, linkage, shipped().model)
            found = scored.prepared.records
            decisions = as_positions(connection, found["id"].to_numpy())
        linked = decide(scored, linkage.matching.thresholds, decisions)
        keys = zip(found["source"].astype(str), found["record_id"], strict=True)
        return _grouped(dict(zip(keys, linked.clusters.label.tolist(), strict=True)))

    @staticmethod
    def ids(connection: Connection) -> dict[Key, int]:
        """record.id of every record ever seen."""
        query = select(Source.name, Record.record_id, Record.id).join(
            Source, Source.number == Record.source
        )
        return {(source, key): number for source, key, number in connection.execute(query)}

    def _run(self, connection: Connection, *, anew: bool = False) -> list[RunResult]:
        return run_register(
            connection, self.rules, by="analyst", now=NOW, anew=anew, largest_part=ANY_PART
        )

    def write(self, rows: Iterable[Row]) -> Path:
        """A file of these rows."""
        self.files += 1
        path = self.folder / f"extract-{self.files}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        return path


def _grouped(group_of: Mapping[Key, object]) -> set[frozenset[Key]]:
    groups: dict[object, set[Key]] = {}
    for key, group in group_of.items():
        groups.setdefault(group, set()).add(key)
    return {frozenset(members) for members in groups.values()}


def removed(keys: Collection[str]) -> list[Row]:
    """Rows of a delta that remove records."""
    return [{"record_id": key, "surname": "gone", "change": "D"} for key in sorted(keys)]

"""Extracts written on the spot, brought into a register as a run would."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, insert, select, update

from api.db.models import Extract, ExtractState, ModelFile, Record, RuleSet, Run
from api.services.extracts import (
    Applied,
    Mode,
    Received,
    apply,
    current_records,
    diff,
    read_kept,
    receive,
    undo,
    withdraw,
)
from api.services.rules import RuleBook, load_rule_book, shipped_rules

NOW = datetime(2024, 9, 1, 12, tzinfo=UTC)
DAY = date(2024, 9, 1)


@cache
def rules() -> RuleBook:
    return load_rule_book(shipped_rules())


def people(rows: Iterable[Mapping[str, str]]) -> str:
    """A plain list of people as CSV; rows without a surname get one."""
    columns = ["record_id", "role", "surname", "forename", "date_of_birth", "as_of", "change"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({"surname": "Lees", **row} for row in rows)
    return text.getvalue()


def new_run(connection: Connection) -> int:
    if connection.scalar(select(RuleSet.hash)) is None:
        connection.execute(insert(RuleSet).values(hash="r", files={}, first_used_at=NOW))
        connection.execute(insert(ModelFile).values(hash="m", content="", first_used_at=NOW))
    run: int = connection.execute(
        insert(Run)
        .values(kind="link", at=NOW, by="t", rules="r", model="m", population={}, counts={})
        .returning(Run.id)
    ).scalar_one()
    return run


@dataclass(frozen=True)
class Loader:
    """Brings extracts into one register; ``folder`` is where their files are written."""

    connection: Connection
    folder: Path
    runs: list[int] = field(default_factory=list)

    def write(self, content: str, name: str = "people.csv") -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def receive(
        self,
        content: str | Path,
        *,
        source: str = "toddlers",
        mode: Mode = "snapshot",
        as_of: date = DAY,
    ) -> Received:
        path = content if isinstance(content, Path) else self.write(content)
        return receive(
            self.connection,
            source=source,
            path=path,
            as_of=as_of,
            mode=mode,
            by="analyst",
            book=rules(),
            now=NOW,
        )

    def apply(self, extract: int) -> Applied:
        """Apply an extract in a run of its own, whatever was said of its quality."""
        self.connection.execute(
            update(Extract).where(Extract.id == extract).values(state=ExtractState.ACCEPTED)
        )
        row = self.connection.execute(
            select(Extract.source, Extract.mode, Extract.as_of).where(Extract.id == extract)
        ).one()
        read = read_kept(self.connection, extract, rules())
        changes = diff(
            self.connection, source=row.source, read=read, mode=row.mode, as_of=row.as_of
        )
        self.runs.append(new_run(self.connection))
        return apply(self.connection, changes, extract=extract, run=self.runs[-1])

    def load(self, content: str | Path, **how: Any) -> Applied:
        return self.apply(self.receive(content, **how).extract)

    def take_back(self, extract: int) -> Applied:
        withdraw(self.connection, extract, by="analyst", now=NOW, why="a slip")
        return undo(self.connection, extract=extract, run=new_run(self.connection))

    def last_current(self) -> int:
        """The extract that was applied last of those in force."""
        latest = (
            select(Extract.id)
            .where(Extract.state == ExtractState.CURRENT)
            .order_by(Extract.run.desc())
            .limit(1)
        )
        return self.connection.execute(latest).scalar_one()

    def names(self, **when: Any) -> dict[str, str]:
        """Forename by record id, as of now or of a run."""
        frame = current_records(self.connection, **when)
        return dict(zip(frame["record_id"], frame["forename"].astype(object), strict=True))

    def ids(self, numbers: np.ndarray[Any, Any]) -> list[str]:
        """Record ids by record.id."""
        frame = pd.DataFrame(
            self.connection.execute(select(Record.id, Record.record_id)).all(),
            columns=["id", "record_id"],
        )
        return sorted(frame.loc[frame["id"].isin(numbers), "record_id"])

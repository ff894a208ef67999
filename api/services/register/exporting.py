"""The register written to files."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection

from api.services.output import folder_of
from api.services.register.feed_frames import EVENT_COLUMNS, feed_frames
from api.services.register.reading import check_run, last_run
from api.services.register.told_frames import told_crosswalk, told_golden, told_links
from matcher.errors import DataError
from matcher.links import LINK_COLUMNS
from matcher.register.golden import GOLDEN_COLUMNS


class Export(StrEnum):
    """What can be written to a file."""

    CROSSWALK = "crosswalk"
    LINKS = "links"
    REGISTER = "register"
    EVENTS = "events"


EXPORT_COLUMNS = {
    Export.CROSSWALK: ("source", "record_id", "child_id"),
    Export.LINKS: LINK_COLUMNS,
    Export.REGISTER: ("child_id", *GOLDEN_COLUMNS),
    Export.EVENTS: EVENT_COLUMNS,
}


def export(connection: Connection, what: Export, out: Path, *, as_of_run: int | None = None) -> int:
    """Write a part of the register to a CSV file, all of it or nothing; how many rows.

    Args:
        connection: sees one state of the register throughout (see `api.db.engine.reading`).
        what: crosswalk, links and register as `matcher link` writes them, or events.
        out: the file; one that is there already is replaced.
        as_of_run: as it was after that run, instead of now.

    Raises DataError for a file that does not end in .csv or has no folder, or a run that never
    was.
    """
    check_can_export(connection, out, as_of_run=as_of_run)
    rows = 0

    def counted(frames: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        nonlocal rows
        for frame in frames:
            rows += len(frame)
            yield frame

    frames = _frames(connection, what, as_of_run)
    with folder_of(out) as folder:
        folder.pieces(out.name, EXPORT_COLUMNS[what], counted(frames))
    return rows


def check_can_export(connection: Connection, out: Path, *, as_of_run: int | None = None) -> None:
    """Raises DataError, see `export`."""
    if out.suffix.lower() != ".csv":
        raise DataError(f"{out.name}: only CSV files can be written; let its name end in .csv")
    folder_of(out)
    check_can_read(connection, as_of_run=as_of_run)


def check_can_read(connection: Connection, *, as_of_run: int | None = None) -> None:
    """Raises DataError for an empty register, or a run that never was."""
    if last_run(connection) == 0:
        raise DataError("the register is empty; ingest and link an extract first")
    if as_of_run is not None:
        check_run(connection, as_of_run)


def _frames(connection: Connection, what: Export, as_of_run: int | None) -> Iterable[pd.DataFrame]:
    if what is Export.CROSSWALK:
        return [told_crosswalk(connection, as_of_run)]
    if what is Export.REGISTER:
        children = told_crosswalk(connection, as_of_run)["child_id"]
        return [told_golden(connection, as_of_run, children)]
    if what is Export.LINKS:
        return [told_links(connection, as_of_run)]
    return feed_frames(connection, as_of_run=as_of_run)

"""The register as frames, for somebody who may see some of it only."""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
from sqlalchemy import Connection

from api.services.access.policy import View
from api.services.register.exporting import Export
from api.services.register.feed_frames import feed_frames
from api.services.register.told_frames import told_crosswalk, told_golden, told_links
from matcher.rules.survivorship import GOLDEN_FIELDS


def seen_frames(
    connection: Connection, what: Export, view: View, as_of_run: int | None
) -> Iterator[pd.DataFrame]:
    """Frames with the columns of EXPORT_COLUMNS, now or as of a run.

    Records of sources that may be exported and whose record ids may be told, links between
    such, events of such records and of children. Children with at least one record of a source
    that may be exported, and of their golden values those that may be seen.
    """
    sources = frozenset(source for source in view.sources if view.may_export(source))
    named = sources & view.named
    # A file tells nobody of a place, whoever is cleared to see it.
    view = replace(view, cleared=False)
    if what is Export.EVENTS:
        if sources:
            yield from feed_frames(connection, as_of_run=as_of_run, view=view)
    elif what is Export.CROSSWALK:
        yield _of_sources(told_crosswalk(connection, as_of_run, view), named, "source")
    elif what is Export.LINKS:
        yield _of_sources(told_links(connection, as_of_run, view), named, "source_l", "source_r")
    else:
        seen = _of_sources(told_crosswalk(connection, as_of_run, view), sources, "source")
        yield _of_fields(told_golden(connection, as_of_run, seen["child_id"], view), view)


def _of_sources(frame: pd.DataFrame, sources: frozenset[str], *columns: str) -> pd.DataFrame:
    kept = pd.Series(True, index=frame.index)
    for name in columns:
        kept &= frame[name].isin(sources)
    return frame[kept].reset_index(drop=True)


def _of_fields(golden: pd.DataFrame, view: View) -> pd.DataFrame:
    """Golden values without those whose source's field may not be seen."""
    result = golden.copy()
    for field in GOLDEN_FIELDS:
        named = f"{field}_source"
        told = [
            source
            for source in golden[named].dropna().unique()
            if view.of_golden({field: True, named: source}, shielded=False)[field]
        ]
        seen = golden[named].isin(told)
        for name in (field, named):
            result[name] = golden[name].astype(object).mask(~seen)
    return result

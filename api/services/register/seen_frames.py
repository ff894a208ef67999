"""The register as frames, for somebody who may see some of it only."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from api.services.access.policy import View
from api.services.register.exporting import Export
from api.services.register.feed_frames import feed_frames
from api.services.register.golden_told import golden_without
from api.services.register.lookalikes import Key, lookalikes
from api.services.register.past_links import links_as_of
from api.services.register.reading import (
    read_crosswalk,
    read_golden,
)
from api.services.register.shields import LOCATION, shielded_children
from matcher.rules.survivorship import GOLDEN_FIELDS

_EVENTS_AT_ONCE = 20_000


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
    untold = lookalikes(connection, view).keys
    if what is Export.EVENTS:
        if sources:
            yield from feed_frames(connection, as_of_run=as_of_run, view=view)
    elif what is Export.CROSSWALK:
        crosswalk = read_crosswalk(connection, as_of_run=as_of_run)
        yield _without(_of_sources(crosswalk, named, "source"), untold, "")
    elif what is Export.LINKS:
        links = links_as_of(connection, as_of_run, view)
        links = _of_sources(links, named, "source_l", "source_r")
        yield _without(_without(links, untold, "_l"), untold, "_r")
    else:
        crosswalk = read_crosswalk(connection, as_of_run=as_of_run)
        seen = _without(_of_sources(crosswalk, sources, "source"), untold, "")
        golden = read_golden(connection, as_of_run=as_of_run)
        golden = golden[golden["child_id"].isin(set(seen["child_id"]))]
        if untold:
            made = golden_without(connection, as_of_run=as_of_run)
            placeless = shielded_children(connection, made, at_any_time=True)
            golden = _replaced(golden, made, placeless)
        yield _of_fields(golden.reset_index(drop=True), view)


def _replaced(
    golden: pd.DataFrame, made: Mapping[str, Mapping[str, Any]], placeless: Collection[str]
) -> pd.DataFrame:
    """Golden values, of some children others; those that are ``placeless`` get no place."""
    result = golden.astype(object)
    for at, child in zip(result.index, result["child_id"], strict=True):
        for name, value in made.get(child, {}).items():
            if child not in placeless or name not in LOCATION:
                result.loc[at, name] = value
    return result


def _of_sources(frame: pd.DataFrame, sources: frozenset[str], *columns: str) -> pd.DataFrame:
    kept = pd.Series(True, index=frame.index)
    for name in columns:
        kept &= frame[name].isin(sources)
    return frame[kept].reset_index(drop=True)


def _without(frame: pd.DataFrame, keys: Collection[Key], side: str) -> pd.DataFrame:
    """Rows whose record, named by columns of a side, is none of these."""
    if not keys:
        return frame
    both = zip(frame[f"source{side}"], frame[f"record_id{side}"], strict=True)
    kept = [key not in keys for key in both]
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

"""Links as they were after a past run.

Pairs are kept as of the last run only. But records, decisions, rules and model are kept as of
every run, and the same of these give the same links: so they are found again.
"""

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.models import Run
from api.services.extracts.current import current_records
from api.services.register.decisions import as_positions
from api.services.register.kept_rules import kept_rules, last_rules
from api.services.register.reading import last_run, read_links
from api.services.register.running import holding_once
from api.services.register.severances import severed_between
from matcher.deciding import decide
from matcher.links import LINK_COLUMNS, link_table
from matcher.pipeline import score


def links_as_of(connection: Connection, run: int | None) -> pd.DataFrame:
    """LINK_COLUMNS as of a run, which there was, or now."""
    if run is None or run == last_run(connection):
        return read_links(connection, last_rules(connection).book.linkage.matching)
    return past_links(connection, run)


def past_links(connection: Connection, run: int) -> pd.DataFrame:
    """LINK_COLUMNS as of a run, which there was; without pairs that are severed by now."""
    row = connection.execute(select(Run.rules, Run.model).where(Run.id == run)).one()
    rules = kept_rules(connection, row.rules, row.model)
    records = current_records(connection, as_of_run=run)
    if not (records["role"] == "child").any():
        return pd.DataFrame(columns=list(LINK_COLUMNS))
    once = holding_once(connection, rules)
    matching = rules.book.linkage.matching
    scored = score(
        records,
        rules.book.linkage,
        rules.model,
        single_sources=frozenset(name for name in once if once[name]),
    )
    number = scored.prepared.records["id"].to_numpy(np.int64)
    decisions = as_positions(connection, number, as_of_run=run)
    table = link_table(decide(scored, matching.thresholds, decisions), matching)
    return _without_severed(connection, records, table)


def _without_severed(
    connection: Connection, records: pd.DataFrame, table: pd.DataFrame
) -> pd.DataFrame:
    number = records.set_index(["source", "record_id"])["id"]
    l, r = (
        number.reindex(
            pd.MultiIndex.from_arrays(
                [table[f"source_{side}"].astype(object), table[f"record_id_{side}"]]
            )
        ).to_numpy(np.int64)
        for side in ("l", "r")
    )
    return table[~severed_between(connection, l, r)].reset_index(drop=True)

"""Links as they were after a past run.

Pairs are kept as of the last run only. But records, decisions, rules and model are kept as of
every run, and the same of these give the same links: so they are found again.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.models import Run
from api.services.access.policy import View
from api.services.extracts.current import current_records
from api.services.register.columns import Numbers
from api.services.register.decisions import as_positions
from api.services.register.kept_rules import kept_rules
from api.services.register.reading import last_run, read_reported, severed_since
from api.services.register.running import holding_once
from api.services.register.severances import severed_between
from api.services.register.standing import Standing
from api.services.register.withholding import seen_weights, untold_of
from matcher.deciding import Scored, decide
from matcher.links import LINK_COLUMNS, ReportedLinks, reported_links
from matcher.pipeline import score
from matcher.rules.matching import MatchingRules
from matcher.table import Sides
from matcher.untold import Untold
from matcher.weigh.weights import Bits


def links_as_of(connection: Connection, run: int | None, view: View | None = None) -> pd.DataFrame:
    """LINK_COLUMNS as of a run, which there was, or now; as far as they may be told.

    ``view``: see `withholding.untold_of`.
    """
    if run is not None and run != last_run(connection):
        return past_links(connection, run, view)
    return _seen_links(connection, view)


def past_links(connection: Connection, run: int, view: View | None = None) -> pd.DataFrame:
    """LINK_COLUMNS as of a run, which there was.

    Without pairs that are severed by now, and those of records that are not shown with the
    child that they were of: see `read_crosswalk`.
    """
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
    decisions = as_positions(connection, number, decided_until=run, severed_until=run)
    found = reported_links(decide(scored, matching.thresholds, decisions), matching)
    l, r = number[found.l], number[found.r]
    untold = untold_of(connection, view, matching, l, r, found.pattern)
    found = replace(found, weight=_seen_then(scored, found, untold, matching))
    source = scored.prepared.records["source"].astype(object).to_numpy()
    record_id = scored.prepared.records["record_id"].to_numpy()
    table = found.table(source, record_id, matching, untold)
    return _without_severed(connection, records, table, severed_since(connection, run))


def _seen_links(connection: Connection, view: View | None) -> pd.DataFrame:
    standing = Standing.at(connection)
    assert standing is not None, "there are links as of a run"
    rules = standing.matching
    members, found = read_reported(connection, standing.read)
    number = members["id"].to_numpy(np.int64)
    kept = number[found.l], number[found.r], found.pattern, found.weight
    untold = untold_of(connection, view, rules, *kept[:3])
    found = replace(found, weight=seen_weights(connection, standing, untold, kept))
    source = members["source"].astype(object).to_numpy()
    return found.table(source, members["record_id"].to_numpy(), rules, untold)


def _seen_then(scored: Scored, found: ReportedLinks, untold: Untold, rules: MatchingRules) -> Bits:
    """Weights without what is untold, as the run weighed it."""
    weight = found.weight.copy()
    at = np.flatnonzero(untold.weighing(rules, found.pattern))
    table = scored.prepared.table
    _, partial = scored.scorer.explain(
        Sides(table, table, *(side[at].astype(np.int32) for side in (found.l, found.r)))
    )
    weight[at] -= untold.bits(partial, at)
    return weight


def _without_severed(
    connection: Connection, records: pd.DataFrame, table: pd.DataFrame, hidden: Numbers
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
    untold = severed_between(connection, l, r) | np.isin(l, hidden) | np.isin(r, hidden)
    return table[~untold].reset_index(drop=True)

"""How far a change reaches: along what is joined or nearly so, not along what is possible."""

from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, insert

from api.db.models import Pair
from api.services.register.closure import Bounds, reach
from matcher.rules.matching import Thresholds

THRESHOLDS = Thresholds(lower=-3, upper=4, rival_margin=3)
BOUNDS = Bounds(THRESHOLDS, {0: 0.0})

# Of pairs in a row, 1-2, 2-3 and so on, the weight of each; what one put at 1 reaches: records
# of which all is said anew, those whose pairs are all known, and those that are read.
ROWS = {
    "possible": ([2, 0, 0, 0, 0, 0], ([1, 2], [1, 2, 3], [1, 2, 3, 4])),
    "possible from the first on": ([0, 0, 0, 0], ([1], [1, 2], [1, 2, 3])),
    "joined": ([9, 9, 9, 9, -2], ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])),
    "nearly joined": ([9, 1, 0.9, 9], ([1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5])),
    "below": ([-6, -6, 0], ([1], [1, 2], [1, 2])),
    "nothing": ([-8, 9], ([1], [1], [1])),
}


@pytest.mark.parametrize(("weights", "reached"), ROWS.values(), ids=ROWS)
def test_a_row_of_pairs_is_reached_as_far_as_it_matters(
    engine: Engine, weights: Sequence[float], reached: tuple[list[int], ...]
) -> None:
    with engine.connect() as connection:
        for at, weight in enumerate(weights, start=1):
            _pair(connection, at, at + 1, weight)
        found = reach(connection, np.array([1]), BOUNDS)
        connection.rollback()
    assert (found.core.tolist(), found.complete.tolist(), found.records.tolist()) == reached


def test_two_who_are_kept_apart_are_rivals_and_nothing_more(engine: Engine) -> None:
    with engine.connect() as connection:
        _pair(connection, 1, 2, 9, apart=1)
        _pair(connection, 2, 3, 9)
        found = reach(connection, np.array([1]), BOUNDS)
        connection.rollback()
    assert found.core.tolist() == [1]
    assert found.complete.tolist() == [1, 2, 3]


def test_what_company_joined_is_reached(engine: Engine) -> None:
    with engine.connect() as connection:
        _pair(connection, 1, 2, 0, company=6)
        found = reach(connection, np.array([1]), BOUNDS)
        connection.rollback()
    assert found.core.tolist() == [1, 2]


def _pair(
    connection: Connection, l: int, r: int, evidence: float, *, apart: int = 0, company: float = 0
) -> None:
    nothing = dict.fromkeys(("group", "pattern", "link", "waiting", "rival", "open", "turn"), 0)
    weight = evidence + company
    values = {"evidence": evidence, "apart": apart, "company": company, "weight": weight}
    connection.execute(insert(Pair).values(l=l, r=r, **values, **nothing))

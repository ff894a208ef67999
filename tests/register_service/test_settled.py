"""Of whom something follows when a name becomes rarer: nobody whose records hold each other."""

from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, insert

from api.db.models import (
    Child,
    Decision,
    Membership,
    ModelFile,
    Pair,
    Record,
    RuleSet,
    Run,
    Source,
)
from api.services.register.closure import Bounds
from api.services.register.pairs import NO_PAIRS, Weighed
from api.services.register.settled import unsettled
from matcher.rules.matching import Thresholds
from tests.register_service.registers import NOW

BOUNDS = Bounds(Thresholds(lower=-3, upper=4, rival_margin=3), {0: 0.0})
A, B = "1111111111111", "2222222222222"

# Records 1, 2 and 3 are child A's, record 4 child B's; 1 is of source 1 and so on. Of the pair
# 1-2 the weight moves from the one figure to the other.
PAIRS = {
    "a link as before": ((20, 19.5), [], set()),
    "no link any more": ((4.2, 3.9), [], {1, 2}),
    "possible now": ((-3.1, -2.9), [], {1, 2}),
    "within reach of company": ((-7.2, -6.9), [], {1, 2}),
    "far below": ((-9, -8.5), [], set()),
    "not kept any more": ((-12, None), [], set()),
    "a link that is not kept any more": ((5, None), [], {1, 2}),
    "a fellow is possibly somebody else": ((20, 19.5), [{"l": 3, "r": 4, "evidence": 1}], {1, 2}),
    "a person is asked of a fellow": (
        (20, 19.5),
        [{"l": 3, "r": 4, "evidence": -9, "waiting": 1}],
        {1, 2},
    ),
    "brother and sister": ((20, 19.5), [{"l": 1, "r": 4, "evidence": 9, "apart": 1}], set()),
    "brother and sister who fit nearly as well": (
        (20, 19.5),
        [{"l": 1, "r": 4, "evidence": 17, "apart": 1}],
        {1, 2},
    ),
    "a level between fellows": ((20, 19.5), [{"l": 1, "r": 3, "evidence": 9, "apart": 1}], {1, 2}),
    "company joined a fellow": (
        (20, 19.5),
        [{"l": 1, "r": 3, "evidence": 0, "company": 6}],
        {1, 2},
    ),
}


@pytest.mark.parametrize(("weights", "others", "found"), PAIRS.values(), ids=PAIRS)
def test_something_follows_only_where_the_weight_decides(
    engine: Engine,
    weights: tuple[float, float | None],
    others: Sequence[dict[str, float]],
    found: set[int],
) -> None:
    with engine.connect() as connection:
        _register(connection, sources=(1, 2, 3, 4))
        for one in others:
            _pair(connection, **one)
        assert _unsettled(connection, *weights) == found
        connection.rollback()


def test_two_records_of_one_source_may_be_two_children(engine: Engine) -> None:
    with engine.connect() as connection:
        _register(connection, sources=(1, 2, 2, 4))
        assert _unsettled(connection, 20, 19.5) == {1, 2}
        connection.rollback()


def test_what_a_person_decided_is_followed(engine: Engine) -> None:
    said = {"values_l": {}, "values_r": {}, "by": "a.smith", "at": NOW, "why": "another child"}
    with engine.connect() as connection:
        _register(connection, sources=(1, 2, 3, 4))
        connection.execute(
            insert(Decision).values(kind="non_match", record_l=3, record_r=4, **said)
        )
        assert _unsettled(connection, 20, 19.5) == {1, 2}
        connection.rollback()


def _unsettled(connection: Connection, before: float, now: float | None) -> set[int]:
    if now is not None:
        _pair(connection, 1, 2, now)
    weighed = NO_PAIRS if now is None else _weighed(now)
    records = np.array([1, 2])
    return set(unsettled(connection, records, _weighed(before), weighed, BOUNDS).tolist())


def _weighed(weight: float) -> Weighed:
    one, nothing = np.array([weight], dtype=np.float64), np.zeros(1, dtype=np.int64)
    return Weighed(np.array([1]), np.array([2]), nothing, one, nothing, one)


def _register(connection: Connection, *, sources: Sequence[int]) -> None:
    kept = {"hash": "0", "first_used_at": NOW}
    connection.execute(insert(RuleSet).values(files={}, **kept))
    connection.execute(insert(ModelFile).values(content="", **kept))
    given = {"kind": "link", "at": NOW, "by": "a.smith", "population": {}, "counts": {}}
    run = connection.execute(
        insert(Run).values(rules="0", model="0", **given).returning(Run.id)
    ).scalar_one()
    for number in sorted(set(sources)):
        connection.execute(
            insert(Source).values(
                number=number, name=f"s{number}", title="", one_record_per_child=False
            )
        )
    for child in (A, B):
        connection.execute(insert(Child).values(id=child, from_run=run))
    for record, (source, child) in enumerate(zip(sources, (A, A, A, B), strict=True), start=1):
        connection.execute(insert(Record).values(id=record, source=source, record_id=str(record)))
        connection.execute(insert(Membership).values(record=record, child=child, from_run=run))


def _pair(
    connection: Connection,
    l: int,
    r: int,
    evidence: float,
    apart: int = 0,
    waiting: int = 0,
    company: float = 0,
) -> None:
    nothing = dict.fromkeys(("group", "pattern", "link", "rival", "open", "turn"), 0)
    said = {"apart": apart, "waiting": waiting, "company": company, "weight": evidence + company}
    connection.execute(insert(Pair).values(l=l, r=r, evidence=evidence, **said, **nothing))

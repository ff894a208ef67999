"""Queries as frames: each has its own values, however often the like was asked before."""

from typing import Any

import numpy as np
from sqlalchemy import Engine, literal, select

from api.db.among import among
from api.db.engine import reading
from api.db.fetching import fetch_frame
from api.db.models import Run


def test_a_query_is_translated_once_and_asked_with_its_own_values(engine: Engine) -> None:
    translated: dict[Any, Any] = {}
    found = []
    with reading(engine) as connection:
        connection.execution_options(compiled_cache=translated)
        for values in ([1, 2], [3], [4, 5, 6]):
            asked = (
                select(literal(values[0]).label("first"))
                .where(literal(9).not_in(values))
                .where(~select(Run.id).where(among(Run.id, np.array(values))).exists())
            )
            found.append(fetch_frame(connection, asked)["first"].tolist())
        none = select(literal("x").label("first")).where(literal(9).in_([9, 7]))
        assert fetch_frame(connection, none)["first"].tolist() == ["x"]
        for values in ([9, 7], [7], [8, 7, 9]):
            asked = select(literal(1).label("one")).where(literal(9).in_(values))
            found.append(fetch_frame(connection, asked)["one"].tolist())
    assert found == [[1], [3], [4], [1], [], [1]]
    assert len(translated) == 3

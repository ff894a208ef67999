"""A column among many values: what SQLAlchemy's own condition finds, on both databases."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Engine, Text, delete, insert, not_, or_, select
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column

from api.db.among import among
from api.db.engine import open_database, reading, writing
from tests.databases import Databases
from tests.db.rows import AWKWARD

LARGE = 2**62


class Kinds(DeclarativeBase):
    """A table of our own, so that the register's may change."""


class Thing(Kinds):
    """A number and a text, either of which may be missing."""

    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str | None] = mapped_column(Text)


NAMES = [*AWKWARD, "null", '"', "[1]"]
NUMBERS = [-LARGE, -1, 0, 1, 7, LARGE]


@pytest.fixture
def things(databases: Databases) -> Iterator[Engine]:
    engine = open_database(databases.empty())
    with writing(engine) as connection:
        Kinds.metadata.create_all(connection)
        pairs = [(number, name) for number in [*NUMBERS, None] for name in [*NAMES, None]]
        rows = [
            {"id": at, "number": number, "name": name} for at, (number, name) in enumerate(pairs)
        ]
        connection.execute(insert(Thing), rows)
    yield engine
    engine.dispose()


some_numbers = st.lists(st.sampled_from([*NUMBERS, 2, 3]), max_size=6)
some_names = st.lists(st.sampled_from([*NAMES, "none such"]), max_size=6)
several = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@several
@given(numbers=some_numbers, others=some_numbers, names=some_names)
def test_it_finds_what_each_value_would(
    things: Engine, numbers: list[int], others: list[int], names: list[str]
) -> None:
    one, other = aliased(Thing), aliased(Thing)
    joined = select(one.id, other.id).join(other, other.id == one.id + 1).order_by(one.id)
    ours = joined.where(
        or_(among(one.number, np.array(numbers, np.int64)), among(other.name, names)),
        not_(among(other.number, np.array(others, np.int64))),
    )
    plainly = joined.where(
        or_(one.number.in_(numbers), other.name.in_(names)), other.number.not_in(others)
    )
    with reading(things) as connection:
        assert connection.execute(ours).all() == connection.execute(plainly).all()


def test_it_names_the_table_that_it_asks(things: Engine) -> None:
    with writing(things) as connection:
        gone = connection.execute(delete(Thing).where(among(Thing.number, np.array([LARGE]))))
        assert gone.rowcount == len(NAMES) + 1
        left = connection.scalars(select(Thing.number).where(among(Thing.name, [NAMES[0]])))
        assert set(left) == {*NUMBERS, None} - {LARGE}
        connection.rollback()

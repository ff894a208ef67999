"""The helpers of these tests keep what they promise to other tests."""

from sqlalchemy import Engine, insert, select

from api.db.engine import writing
from api.db.models import Source
from tests.databases import delete_everything
from tests.db.rows import counts, fill


def test_a_database_can_be_made_as_good_as_new(engine: Engine) -> None:
    with writing(engine) as connection:
        fill(connection)
    delete_everything(engine)
    with writing(engine) as connection:
        assert set(counts(connection).values()) == {0}
        connection.execute(
            insert(Source).values(name="estart", title="eStart", one_record_per_child=True)
        )
        assert connection.scalar(select(Source.number)) == 1

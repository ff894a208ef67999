"""What somebody sees of a register that tests act on."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from api.db.engine import reading, writing
from api.services.access.caller import Caller
from api.services.access.policy import View, read_terms, view_of
from api.services.access.roles import Role
from api.services.register.single import Put, delete_record, put_record
from tests.register_service.registers import NOW, Key, Register, shipped


@contextmanager
def seen(
    engine: Engine,
    purpose: str = "early_years",
    *,
    cleared: bool = False,
    sources: Collection[str] | None = None,
) -> Iterator[tuple[Connection, View]]:
    """A state of the register, and what may be seen of it for a purpose."""
    caller = Caller(
        "a-system",
        frozenset({Role.SYSTEM}),
        frozenset({purpose}),
        purpose,
        cleared,
        None if sources is None else frozenset(sources),
    )
    with reading(engine) as connection:
        yield connection, view_of(read_terms(connection), caller, NOW.date())


def put(register: Register, key: Key, **values: str) -> Put:
    """Let a record say something else."""
    with writing(register.engine) as connection:
        return put_record(
            connection,
            shipped(),
            source=key[0],
            record_id=key[1],
            values=values,
            as_of=None,
            by="clinic",
            now=NOW,
        )


def delete(register: Register, key: Key) -> Put:
    with writing(register.engine) as connection:
        return delete_record(
            connection, shipped(), source=key[0], record_id=key[1], by="clinic", now=NOW
        )

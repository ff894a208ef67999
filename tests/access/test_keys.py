"""Systems show keys: shown once, kept as hashes, scoped, expiring, rotated, ended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from api.db.engine import reading, writing
from api.db.models import ApiKey, Audit
from api.services.access.caller import AccessError, Caller, CredentialsError, PurposeError
from api.services.access.keys import (
    GRACE,
    YEAR,
    NewKey,
    caller_of_key,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from api.services.access.roles import Permission, Role
from tests.access.conftest import NOW

Make = Callable[..., NewKey]


@pytest.fixture
def make(engine: Engine) -> Make:
    def create(name: str = "census", **more: Any) -> NewKey:
        given = {"roles": [Role.SYSTEM], "purposes": ["education"], "by": "ada", "now": NOW}
        with writing(engine) as connection:
            return create_key(connection, name, **{**given, **more})

    return create


def who(engine: Engine, key: str, purpose: str | None = None, now: Any = NOW) -> Caller:
    with reading(engine) as connection:
        return caller_of_key(connection, key, purpose, now=now)


def test_a_key_is_who_it_was_made_for(engine: Engine, make: Make) -> None:
    made = make(sources=["ctf", "eyfsp"], per_minute=60)
    caller = who(engine, made.key)
    assert (caller.name, caller.key, caller.person) == ("census", made.id, None)
    assert (caller.purpose, caller.purposes) == ("education", {"education"})
    assert (caller.sources, caller.per_minute) == ({"ctf", "eyfsp"}, 60)
    assert not caller.cleared
    assert caller.may(Permission.WRITE_RECORDS)
    assert not caller.may(Permission.ADMINISTER)


def test_a_system_is_unattended_unless_told_otherwise_and_others_are_attended(
    engine: Engine, make: Make
) -> None:
    assert who(engine, make("one").key).unattended
    assert not who(engine, make("two", unattended=False).key).unattended
    assert not who(engine, make("three", roles=[Role.ANALYST]).key).unattended
    assert who(engine, make("four", roles=[Role.ANALYST], unattended=True).key).unattended


def test_a_key_for_several_purposes_says_which(engine: Engine, make: Make) -> None:
    key = make(purposes=["education", "health"]).key
    assert who(engine, key).purpose is None
    assert who(engine, key, "health").purpose == "health"
    with pytest.raises(PurposeError) as caught:
        who(engine, key, "marketing")
    assert "marketing" not in str(caught.value)


def test_a_key_is_kept_as_a_hash_and_in_no_log(engine: Engine, make: Make) -> None:
    secret = make().key.split("_", 2)[2]
    with reading(engine) as connection:
        everything = str(connection.execute(select(ApiKey.__table__)).all())
        everything += str(connection.execute(select(Audit.__table__)).all())
        everything += str(list_keys(connection))
    assert secret not in everything
    assert len(secret) >= 43


def test_keys_are_all_different(make: Make) -> None:
    assert len({make(f"key-{number}").key for number in range(10)}) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        lambda key: "",
        lambda key: "mk__",
        lambda key: key[:-1],
        lambda key: key + "x",
        lambda key: key.upper(),
        lambda key: "xk" + key[2:],
        lambda key: key.rpartition("_")[0] + "_",
        lambda key: "mk_000000000000_" + key.split("_", 2)[2],
        lambda key: "mk_%_" + key.split("_", 2)[2],
        lambda key: "mk_\x00_\ud800",
        lambda key: f" {key}",
    ],
)
def test_anything_else_is_refused(wrong: Callable[[str], str], engine: Engine, make: Make) -> None:
    key = make().key
    with pytest.raises(CredentialsError, match="not known, has expired or was ended"):
        who(engine, wrong(key))


def test_a_key_expires(engine: Engine, make: Make) -> None:
    made = make(lasts=timedelta(days=30))
    assert made.expires_at == NOW + timedelta(days=30)
    who(engine, made.key, now=made.expires_at - timedelta(seconds=1))
    with pytest.raises(CredentialsError):
        who(engine, made.key, now=made.expires_at)
    assert make("other").expires_at == NOW + YEAR


def test_a_key_that_was_ended_works_no_more_nor_do_those_that_it_replaced(
    engine: Engine, make: Make
) -> None:
    old = make()
    with writing(engine) as connection:
        new = rotate_key(connection, "census", by="ada", now=NOW)
        assert revoke_key(connection, "census", by="ada", now=NOW) == 2
        with pytest.raises(AccessError, match="no key of this name"):
            revoke_key(connection, "census", by="ada", now=NOW)
    for key in (old.key, new.key):
        with pytest.raises(CredentialsError):
            who(engine, key)


def test_a_key_that_is_rotated_goes_on_for_a_while_and_the_new_one_may_do_the_same(
    engine: Engine, make: Make
) -> None:
    old = make(sources=["ctf"], cleared=True, per_minute=5, lasts=timedelta(days=60))
    later = NOW + timedelta(days=40)
    with writing(engine) as connection:
        new = rotate_key(connection, "census", by="ada", now=later)
    assert new.key != old.key
    assert new.expires_at == later + timedelta(days=60)
    before, after = who(engine, old.key, now=later), who(engine, new.key, now=later)
    for name in ("name", "roles", "purposes", "sources", "cleared", "unattended", "per_minute"):
        assert getattr(before, name) == getattr(after, name)
    who(engine, new.key, now=later + GRACE)
    with pytest.raises(CredentialsError):
        who(engine, old.key, now=later + GRACE)


def test_rotating_makes_no_key_last_longer(engine: Engine, make: Make) -> None:
    old = make(lasts=timedelta(days=1))
    with writing(engine) as connection:
        rotate_key(connection, "census", by="ada", now=NOW)
    with pytest.raises(CredentialsError):
        who(engine, old.key, now=old.expires_at)


def test_earlier_keys_last_no_longer_than_the_one_that_is_rotated(
    engine: Engine, make: Make
) -> None:
    first = make()
    with writing(engine) as connection:
        second = rotate_key(connection, "census", by="ada", now=NOW)
        third = rotate_key(connection, "census", by="ada", now=NOW, grace=timedelta())
    for old in (first, second):
        with pytest.raises(CredentialsError):
            who(engine, old.key)
    who(engine, third.key)


def test_a_key_can_be_rotated_again_and_the_one_in_use_is_meant(engine: Engine, make: Make) -> None:
    make()
    with writing(engine) as connection:
        second = rotate_key(connection, "census", by="ada", now=NOW)
        third = rotate_key(connection, "census", by="ada", now=NOW)
        rows = {row.id: row.replaced_by for row in list_keys(connection)}
    assert rows[second.id] == third.id
    assert rows[third.id] is None


def test_names_are_those_of_one_key_or_person_at_a_time(
    engine: Engine, make: Make, ada: int
) -> None:
    make()
    with pytest.raises(AccessError, match="a key called census already"):
        make()
    with pytest.raises(AccessError, match="a person called ada already"):
        make("ada")
    with writing(engine) as connection:
        revoke_key(connection, "census", by="ada", now=NOW)
    make()


def test_every_step_is_an_act_in_the_log(engine: Engine, make: Make) -> None:
    first = make()
    with writing(engine) as connection:
        second = rotate_key(connection, "census", by="ada", now=NOW)
        revoke_key(connection, "census", by="grace", now=NOW)
        rows = connection.execute(
            select(Audit.action, Audit.about, Audit.by).order_by(Audit.id)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("key_created", f"key {first.id}", "ada"),
        ("key_rotated", f"key {second.id}", "ada"),
        ("key_ended", f"key {first.id}", "grace"),
        ("key_ended", f"key {second.id}", "grace"),
    ]


def test_who_shows_a_key_is_one_query(engine: Engine, make: Make) -> None:
    key, queries = make().key, 0

    def count(*_: object) -> None:
        nonlocal queries
        queries += 1

    with reading(engine) as connection:
        connection.execute(select(1))
        event.listen(engine, "before_cursor_execute", count)
        caller_of_key(connection, key, None, now=NOW)
    assert queries == 1

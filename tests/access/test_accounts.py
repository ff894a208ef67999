"""People are added, set their own password through a link that works once, and end."""

from datetime import timedelta

import pytest
from argon2 import Type
from sqlalchemy import Engine, select

from api.db.engine import reading, writing
from api.db.models import Audit, Invitation, Person
from api.services.access import passwords
from api.services.access.accounts import (
    INVITATION_LASTS,
    accept_invitation,
    add_person,
    change_person,
    end_person,
    first_invitation,
    invite,
    list_people,
    open_invitation,
)
from api.services.access.caller import AccessError, CredentialsError
from api.services.access.passwords import PasswordError, is_outdated
from api.services.access.roles import Role
from tests.access.conftest import NOW, PASSWORD

ANALYST = [Role.ANALYST]


REAL = passwords._HASHER


def test_finding_a_password_by_trying_is_as_dear_as_it_should_be() -> None:
    # At least what OWASP's Password Storage Cheat Sheet asks of Argon2id.
    assert REAL.type is Type.ID
    assert REAL.memory_cost >= 19 * 1024
    assert REAL.time_cost >= 2


def acts(engine: Engine) -> list[tuple[str, str, str]]:
    with reading(engine) as connection:
        query = select(Audit.action, Audit.about, Audit.by).order_by(Audit.id)
        return [tuple(row) for row in connection.execute(query)]


def add(engine: Engine, name: str, roles: list[Role] = ANALYST) -> int:
    with writing(engine) as connection:
        return add_person(connection, name, roles=roles, by="root", now=NOW)


def test_a_password_is_kept_as_an_argon2id_hash_and_in_no_log(engine: Engine, ada: int) -> None:
    with reading(engine) as connection:
        kept = connection.scalar(select(Person.password_hash).where(Person.id == ada))
        details = list(connection.scalars(select(Audit.detail)))
    assert kept is not None
    assert kept.startswith("$argon2id$")
    assert not is_outdated(kept)
    assert PASSWORD not in str(details)


def test_every_step_is_an_act_in_the_log(engine: Engine, ada: int) -> None:
    assert acts(engine) == [
        ("person_added", f"person {ada}", "root"),
        ("person_invited", f"person {ada}", "root"),
        ("password_set", f"person {ada}", "ada"),
    ]


def test_a_link_works_once(engine: Engine) -> None:
    add(engine, "grace")
    with writing(engine) as connection:
        token = invite(connection, "grace", by="root", now=NOW)
        assert open_invitation(connection, token, now=NOW).name == "grace"
        accept_invitation(connection, token, PASSWORD, now=NOW)
        with pytest.raises(CredentialsError, match="ask for a new one"):
            accept_invitation(connection, token, PASSWORD, now=NOW)


def test_a_link_expires_and_ends_when_another_is_made(engine: Engine) -> None:
    add(engine, "grace")
    with writing(engine) as connection:
        first = invite(connection, "grace", by="root", now=NOW)
        with pytest.raises(CredentialsError):
            open_invitation(connection, first, now=NOW + INVITATION_LASTS)
        second = invite(connection, "grace", by="root", now=NOW)
        with pytest.raises(CredentialsError):
            open_invitation(connection, first, now=NOW)
        open_invitation(connection, second, now=NOW)


def test_a_link_is_kept_as_a_hash_only(engine: Engine) -> None:
    add(engine, "grace")
    with writing(engine) as connection:
        token = invite(connection, "grace", by="root", now=NOW)
        kept = connection.scalar(select(Invitation.token_hash))
    assert len(token) >= 43
    assert token not in str(kept)


@pytest.mark.parametrize(
    "password, why",
    [
        ("short one", "at least 12"),
        ("x" * 300, "at most 256"),
        ("passwordpassword", "first that anybody would try"),
        ("PasswordPassword", "first that anybody would try"),
        ("aaaaaaaaaaaaaaa", "first that anybody would try"),
        ("ababababababab", "first that anybody would try"),
        ("123456789012", "first that anybody would try"),
        ("qwertyuiopasdfgh", "first that anybody would try"),
        ("Grace.Hopper1", "more than your name"),
    ],
)
def test_a_password_that_is_easily_found_is_refused_and_the_link_still_works(
    password: str, why: str, engine: Engine
) -> None:
    add(engine, "grace.hopper")
    with writing(engine) as connection:
        token = invite(connection, "grace.hopper", by="root", now=NOW)
        with pytest.raises(PasswordError, match=why):
            accept_invitation(connection, token, password, now=NOW)
        accept_invitation(connection, token, "no digits nor signs at all", now=NOW)


@pytest.mark.parametrize(
    "password", ["ein Wörterbuch 名 🜚", "            !", "\ud800 lone surrogate"]
)
def test_any_other_password_is_taken(password: str, engine: Engine) -> None:
    add(engine, "grace")
    long_enough = password + " and more"
    with writing(engine) as connection:
        token = invite(connection, "grace", by="root", now=NOW)
        accept_invitation(connection, token, long_enough, now=NOW)


def test_the_first_start_invites_a_steward_who_chooses_a_name(engine: Engine) -> None:
    with writing(engine) as connection:
        first = first_invitation(connection, purposes=["early_years"], now=NOW)
        again = first_invitation(connection, purposes=["early_years"], now=NOW)
        assert first is not None
        assert again is not None
        with pytest.raises(CredentialsError):
            open_invitation(connection, first, now=NOW)
        assert open_invitation(connection, again, now=NOW).name is None
        with pytest.raises(AccessError, match="use letters without accents"):
            accept_invitation(connection, again, PASSWORD, now=NOW)
        accept_invitation(connection, again, PASSWORD, name=" Grace ", now=NOW)
        assert first_invitation(connection, purposes=["early_years"], now=NOW) is None
        (grace,) = list_people(connection)
    assert (grace.name, grace.roles, grace.purposes) == ("grace", ["steward"], ["early_years"])
    assert grace.has_password
    assert not grace.cleared


def test_the_first_invitation_is_worth_nothing_once_somebody_is_there(engine: Engine) -> None:
    with writing(engine) as connection:
        token = first_invitation(connection, purposes=[], now=NOW)
        assert token is not None
        add_person(connection, "ada", roles=ANALYST, by="root", now=NOW)
        with pytest.raises(CredentialsError, match="somebody has come in already"):
            open_invitation(connection, token, now=NOW)
        with pytest.raises(CredentialsError, match="somebody has come in already"):
            accept_invitation(connection, token, PASSWORD, name="eve", now=NOW)


@pytest.mark.parametrize("name", ["", " ", "a b", "ümit", "x" * 65, "-ada", "a\x00b", "../etc"])
def test_a_name_that_logs_could_not_show_is_refused(name: str, engine: Engine) -> None:
    with pytest.raises(AccessError, match="use letters without accents"):
        add(engine, name)


def test_a_name_is_used_once_however_it_is_written(engine: Engine, ada: int) -> None:
    with pytest.raises(AccessError, match="already"):
        add(engine, "ADA")


def test_somebody_without_a_role_is_not_added(engine: Engine) -> None:
    with pytest.raises(AccessError, match="name a role"):
        add(engine, "grace", roles=[])


def test_what_somebody_may_do_is_changed_and_the_rest_stays(engine: Engine, ada: int) -> None:
    with writing(engine) as connection:
        change_person(connection, "ada", cleared=True, by="root", now=NOW)
        (row,) = list_people(connection)
        assert (row.roles, row.purposes) == (["steward"], ["early_years", "education"])
        assert row.cleared
        change_person(connection, "ada", purposes=["health"], by="root", now=NOW)
        (row,) = list_people(connection)
        assert (row.purposes, row.cleared) == (["health"], True)
        with pytest.raises(AccessError, match="say what is to change"):
            change_person(connection, "ada", by="root", now=NOW)


def test_the_last_steward_can_neither_end_nor_become_something_else(
    engine: Engine, ada: int
) -> None:
    with writing(engine) as connection:
        with pytest.raises(AccessError, match="last steward"):
            end_person(connection, "ada", by="root", now=NOW)
        with pytest.raises(AccessError, match="last steward"):
            change_person(connection, "ada", roles=ANALYST, by="root", now=NOW)
        add_person(connection, "grace", roles=[Role.STEWARD], by="root", now=NOW)
        change_person(connection, "ada", roles=ANALYST, by="root", now=NOW)


def test_somebody_who_ended_is_listed_but_cannot_be_invited(engine: Engine) -> None:
    add(engine, "grace")
    with writing(engine) as connection:
        token = invite(connection, "grace", by="root", now=NOW)
        end_person(connection, "grace", by="root", now=NOW)
        with pytest.raises(CredentialsError):
            accept_invitation(connection, token, PASSWORD, now=NOW + timedelta(seconds=1))
        with pytest.raises(AccessError, match="nobody of this name"):
            invite(connection, "grace", by="root", now=NOW)
        (row,) = list_people(connection)
    assert (row.name, row.active) == ("grace", False)

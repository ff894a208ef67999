"""People come in by password, slowly after failures, and are signed out when away."""

import statistics
import time
from datetime import datetime, timedelta
from functools import cache

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select, update

from api.db.engine import reading, writing
from api.db.models import Person, SignIn, SignInFailure
from api.services.access import attempts, passwords
from api.services.access.accounts import add_person, change_person, end_person
from api.services.access.caller import Caller, CredentialsError, LockedError, PurposeError
from api.services.access.passwords import PasswordError, is_outdated
from api.services.access.roles import Role
from api.services.access.signing_in import (
    IDLE,
    LONGEST,
    SignedIn,
    caller_of_token,
    change_password,
    end_sign_ins,
    keep_purpose,
    last_sign_ins,
    sign_in,
    sign_out,
)
from tests.access.conftest import NOW, PASSWORD

WRONG = "not the heron at all"


def come_in(engine: Engine, aside: Engine, now: datetime = NOW) -> SignedIn:
    return sign_in(engine, aside, "ada", PASSWORD, now=now)


def who(
    engine: Engine,
    aside: Engine,
    token: str,
    purpose: str | None = None,
    now: datetime = NOW,
) -> Caller:
    with reading(engine) as connection:
        return caller_of_token(aside, connection, token, purpose, now=now)


def test_somebody_who_signed_in_is_known_by_the_token(
    engine: Engine, aside: Engine, ada: int
) -> None:
    signed_in = sign_in(engine, aside, " Ada ", PASSWORD, now=NOW)
    caller = who(engine, aside, signed_in.token, "education")
    assert (caller.name, caller.person, caller.purpose) == ("ada", ada, "education")
    assert caller.roles == {Role.STEWARD}
    assert not caller.unattended
    assert caller.sources is None


@pytest.mark.parametrize("name, password", [("ada", WRONG), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    name: str, password: str, engine: Engine, aside: Engine, ada: int
) -> None:
    with pytest.raises(CredentialsError, match=r"^the name or the password is not right$"):
        sign_in(engine, aside, name, password, now=NOW)


def test_somebody_who_has_set_no_password_or_has_ended_cannot_come_in(
    engine: Engine, aside: Engine, ada: int
) -> None:
    with writing(engine) as connection:
        add_person(connection, "grace", roles=[Role.STEWARD], by="root", now=NOW)
        end_person(connection, "ada", by="root", now=NOW)
    for name, password in (("grace", ""), ("grace", PASSWORD), ("ada", PASSWORD)):
        with pytest.raises(CredentialsError, match="not right"):
            sign_in(engine, aside, name, password, now=NOW)


def test_an_unknown_name_takes_as_long_as_a_known_one(
    engine: Engine, aside: Engine, ada: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = PasswordHasher(time_cost=2, memory_cost=32 * 1024, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", dear)
    monkeypatch.setattr(passwords, "_nobodys", cache(passwords._nobodys.__wrapped__))
    with writing(engine) as connection:
        connection.execute(update(Person).values(password_hash=dear.hash(PASSWORD)))

    def seconds(name: str) -> float:
        began = time.process_time()
        with pytest.raises(CredentialsError):
            sign_in(engine, aside, name, WRONG, now=NOW)
        return time.process_time() - began

    seconds("warm")
    known = statistics.median(seconds("ada") for _ in range(4))
    unknown = statistics.median(seconds(f"nobody{n}") for n in range(4))
    assert 1 / 3 < unknown / known < 3


def test_after_some_failures_a_name_is_locked_for_longer_and_longer(
    engine: Engine, aside: Engine, ada: int
) -> None:
    now, waits = NOW, []
    for _ in range(attempts.FREE):
        with pytest.raises(CredentialsError, match="not right"):
            sign_in(engine, aside, "ada", WRONG, now=now)
    for _ in range(8):
        with pytest.raises(LockedError, match="try again in") as caught:
            sign_in(engine, aside, "ada", PASSWORD, now=now)
        waits.append(caught.value.seconds)
        now += timedelta(seconds=caught.value.seconds)
        with pytest.raises(CredentialsError, match="not right"):
            sign_in(engine, aside, "ada", WRONG, now=now)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_name_that_is_not_known_is_locked_as_well(
    engine: Engine, aside: Engine, ada: int
) -> None:
    for _ in range(attempts.FREE):
        with pytest.raises(CredentialsError, match="not right"):
            sign_in(engine, aside, "nobody", WRONG, now=NOW)
    with pytest.raises(LockedError):
        sign_in(engine, aside, "nobody", WRONG, now=NOW)
    come_in(engine, aside)


def test_coming_in_and_an_hour_both_forget_failures(
    engine: Engine, aside: Engine, ada: int
) -> None:
    for now in (NOW, NOW + timedelta(hours=2)):
        for _ in range(attempts.FREE):
            with pytest.raises(CredentialsError, match="not right"):
                sign_in(engine, aside, "ada", WRONG, now=now)
    come_in(engine, aside, NOW + timedelta(hours=4))
    with reading(aside) as connection:
        assert connection.execute(select(SignInFailure)).all() == []


def test_what_was_typed_as_a_name_is_not_kept_as_it_was(
    engine: Engine, aside: Engine, ada: int
) -> None:
    with pytest.raises(CredentialsError):
        sign_in(engine, aside, PASSWORD, "ada", now=NOW)
    with reading(aside) as connection:
        assert PASSWORD not in str(connection.execute(select(SignInFailure.__table__)).all())


def test_a_token_is_kept_as_a_hash_only(engine: Engine, aside: Engine, ada: int) -> None:
    token = come_in(engine, aside).token
    with reading(aside) as connection:
        assert token not in str(connection.execute(select(SignIn.__table__)).all())


def test_a_sign_in_ends_when_its_person_is_away_for_long(
    engine: Engine, aside: Engine, ada: int
) -> None:
    token = come_in(engine, aside).token
    with pytest.raises(CredentialsError, match="sign in again"):
        who(engine, aside, token, now=NOW + IDLE)


def test_a_sign_in_that_is_used_goes_on_until_its_longest(
    engine: Engine, aside: Engine, ada: int
) -> None:
    token, now = come_in(engine, aside).token, NOW
    while now + IDLE / 2 < NOW + LONGEST:
        now += IDLE / 2
        who(engine, aside, token, now=now)
    with pytest.raises(CredentialsError, match="sign in again"):
        who(engine, aside, token, now=NOW + LONGEST)


def test_what_somebody_may_do_counts_from_their_next_request(
    engine: Engine, aside: Engine, ada: int
) -> None:
    token = come_in(engine, aside).token
    with writing(engine) as connection:
        add_person(connection, "grace", roles=[Role.STEWARD], by="root", now=NOW)
        change_person(connection, "ada", roles=[Role.ANALYST], by="root", now=NOW)
    assert who(engine, aside, token).roles == {Role.ANALYST}
    with writing(engine) as connection:
        end_person(connection, "ada", by="root", now=NOW)
    with pytest.raises(CredentialsError, match="has ended"):
        who(engine, aside, token)


def test_signing_out_ends_one_sign_in_or_all_others(
    engine: Engine, aside: Engine, ada: int
) -> None:
    one, other, third = (come_in(engine, aside).token for _ in range(3))
    sign_out(aside, one, now=NOW)
    with pytest.raises(CredentialsError):
        who(engine, aside, one)
    end_sign_ins(aside, ada, without=other, now=NOW)
    with pytest.raises(CredentialsError):
        who(engine, aside, third)
    assert who(engine, aside, other).name == "ada"
    end_sign_ins(aside, ada, now=NOW)
    with pytest.raises(CredentialsError):
        who(engine, aside, other)
    assert last_sign_ins(aside) == {ada: NOW}


@pytest.mark.parametrize("token", ["", "x", "mk_abc_def", "\x00", "\ud800"])
def test_a_token_that_never_was_is_refused(
    token: str, engine: Engine, aside: Engine, ada: int
) -> None:
    with pytest.raises(CredentialsError):
        who(engine, aside, token)


def test_the_purpose_is_the_one_asked_for_or_the_one_chosen_or_open(
    engine: Engine, aside: Engine, ada: int
) -> None:
    token = come_in(engine, aside).token
    assert who(engine, aside, token).purpose is None
    keep_purpose(aside, token, "education")
    assert who(engine, aside, token).purpose == "education"
    assert who(engine, aside, token, "early_years").purpose == "early_years"
    with pytest.raises(PurposeError):
        who(engine, aside, token, "marketing")
    with writing(engine) as connection:
        change_person(connection, "ada", purposes=["early_years"], by="root", now=NOW)
    assert who(engine, aside, token).purpose == "early_years"


def test_a_password_is_changed_by_who_knows_the_old_one_and_other_sign_ins_end(
    engine: Engine, aside: Engine, ada: int
) -> None:
    token, other = come_in(engine, aside).token, come_in(engine, aside).token
    new = "two herons by the canal"
    with pytest.raises(CredentialsError, match="old password"):
        change_password(engine, aside, token, WRONG, new, now=NOW)
    with pytest.raises(PasswordError):
        change_password(engine, aside, token, PASSWORD, "short", now=NOW)
    change_password(engine, aside, token, PASSWORD, new, now=NOW)
    assert who(engine, aside, token).name == "ada"
    with pytest.raises(CredentialsError):
        who(engine, aside, other)
    with pytest.raises(CredentialsError):
        come_in(engine, aside)
    sign_in(engine, aside, "ada", new, now=NOW)


def keep_weakly(engine: Engine) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    with writing(engine) as connection:
        connection.execute(update(Person).values(password_hash=weak))


def kept(engine: Engine) -> str:
    with reading(engine) as connection:
        return str(connection.scalar(select(Person.password_hash)))


def test_a_password_that_was_kept_more_weakly_is_kept_anew_when_it_is_used(
    engine: Engine, aside: Engine, ada: int
) -> None:
    keep_weakly(engine)
    assert is_outdated(kept(engine))
    come_in(engine, aside)
    assert not is_outdated(kept(engine))
    come_in(engine, aside)


# On PostgreSQL a run holds no lock that this needs.
def test_nobody_waits_for_a_run_to_come_in(engine: Engine, aside: Engine, ada: int) -> None:
    keep_weakly(engine)
    with writing(engine):
        began = time.monotonic()
        token = come_in(engine, aside).token
        who(engine, aside, token, now=NOW + IDLE / 2)
        sign_out(aside, token, now=NOW)
        assert time.monotonic() - began < 5

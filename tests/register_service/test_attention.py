"""What a person should look at next."""

from datetime import timedelta

import pytest

from api.db.engine import reading
from api.services.attention import dates_of_sources, oldest_waiting
from tests.register_service.extracts import DAY, Loader, people
from tests.register_service.registers import NOW
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed

AMY = {"record_id": "1", "forename": "Amy"}


def bring(loader: Loader, *days: int) -> None:
    """Extracts as of these days, each with something new."""
    for day in days:
        rows = people([{**AMY, "forename": f"Amy{'abcdefgh'[day // 7]}"}])
        loader.apply(loader.receive(rows, as_of=DAY + timedelta(day)).extract)


def test_a_source_is_overdue_when_it_is_half_as_late_again_as_it_usually_is(
    loader: Loader,
) -> None:
    bring(loader, 0, 7, 14)
    day = DAY + timedelta(14)
    in_time = dates_of_sources(loader.connection, day + timedelta(10), overdue_after=365)
    assert (in_time.overdue, in_time.unknown, in_time.in_time) == ((), (), 1)
    (late,) = dates_of_sources(loader.connection, day + timedelta(11), overdue_after=365).overdue
    assert (late.name, late.as_of, late.usual, late.since) == ("toddlers", day, 7, 11)
    (late,) = dates_of_sources(loader.connection, day + timedelta(9), overdue_after=8).overdue
    assert (late.usual, late.since) == (7, 9)


def test_nothing_is_told_of_sources_of_which_nothing_came(loader: Loader) -> None:
    found = dates_of_sources(loader.connection, DAY, overdue_after=365)
    assert (found.overdue, found.unknown, found.in_time) == ((), (), 0)


@pytest.mark.parametrize("days", [(0,), (0, 7)])
def test_before_its_third_extract_a_source_is_overdue_only_when_its_last_is_very_old(
    loader: Loader, days: tuple[int, ...]
) -> None:
    bring(loader, *days)
    last = DAY + timedelta(days[-1])
    found = dates_of_sources(loader.connection, last + timedelta(365), overdue_after=365)
    assert (found.overdue, found.in_time) == ((), 0)
    assert [(one.name, one.as_of, one.since, one.usual) for one in found.unknown] == [
        ("toddlers", last, 365, None)
    ]
    old = dates_of_sources(loader.connection, last + timedelta(366), overdue_after=365)
    assert (len(old.overdue), old.unknown) == (1, ())


def test_a_possible_link_waits_since_the_run_that_brought_its_records(
    register: Reviewed,
) -> None:
    with reading(register.engine) as connection:
        assert oldest_waiting(connection) == NOW


def test_where_nothing_waits_nothing_is_old(register: Reviewed) -> None:
    register.say("non_match", AISHA[1], UNSURE)
    register.say("non_match", AISHA[0], UNSURE)
    register.say("non_match", AISHA[2], UNSURE)
    with reading(register.engine) as connection:
        assert oldest_waiting(connection) is None

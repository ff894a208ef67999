"""What a person should look at next."""

from datetime import timedelta

import pytest

from api.db.engine import reading
from api.services.attention import oldest_waiting, overdue
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
    assert overdue(loader.connection, DAY + timedelta(14 + 10)) == ()
    (late,) = overdue(loader.connection, DAY + timedelta(14 + 11))
    assert (late.name, late.as_of, late.usual, late.since) == (
        "toddlers", DAY + timedelta(14), 7, 11,
    )  # fmt: skip


@pytest.mark.parametrize("days", [(), (0,), (0, 7)])
def test_before_its_third_extract_no_source_is_overdue(
    loader: Loader, days: tuple[int, ...]
) -> None:
    bring(loader, *days)
    assert overdue(loader.connection, DAY + timedelta(1000)) == ()


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

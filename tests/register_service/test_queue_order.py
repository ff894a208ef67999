"""Who comes when in the queue does not depend on how the register came about."""

from pathlib import Path

from sqlalchemy import Engine

from api.db.engine import reading
from api.services.register.queue import waiting_pairs
from tests.databases import delete_everything
from tests.register_service.registers import Key, Register

# As like one another as the next two are.
DAYS = [f"2014-05-{day:02}" for day in range(1, 15)]
SCHOOL = [
    {
        "record_id": str(at),
        "forename": "Aisha",
        "surname": "Malik",
        "date_of_birth": day,
        "sex": "F",
    }
    for at, day in enumerate(DAYS)
]
CLINIC = [
    {"record_id": str(at), "forename": "Aisha", "surname": "Begum", "date_of_birth": day}
    for at, day in enumerate(DAYS)
]


def queue(register: Register) -> list[tuple[Key, Key]]:
    with reading(register.engine) as connection:
        return [(one.l, one.r) for one in waiting_pairs(connection, limit=10_000)]


def test_pairs_of_which_a_decision_is_worth_the_same_wait_in_one_order(
    engine: Engine, tmp_path: Path
) -> None:
    register = Register(engine, tmp_path)
    register.load("school", SCHOOL)
    register.load("clinic", CLINIC)
    order = queue(register)
    assert len(order) >= len(DAYS)
    delete_everything(engine)
    again = Register(engine, tmp_path)
    again.load("clinic", CLINIC[::2][::-1])
    again.load("school", SCHOOL[::-1])
    again.load("clinic", CLINIC[1::2], "delta", day=1)
    assert queue(again) == order
    # Nor is it the order of their ids, which would say who came first.
    assert order != sorted(order)

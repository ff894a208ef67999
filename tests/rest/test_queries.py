"""How many queries a request takes: the same, however much there is to tell."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from api.db.engine import is_sqlite
from tests.register_service.reviewed import AISHA, NOAH, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import AISHA_SAYS, child, record

# The most that a route asks of the database, with who asks and what may be shown to them. On
# PostgreSQL the access log is in the same database, which takes two more.
MOST = {
    "": 5,
    "/records": 14,
    "/family": 16,
    "/history": 18,
    "/journey": 16,
    "/why": 29,
    "record": 14,
    "record/child": 7,
    "record/why": 28,
    "record/history": 18,
    "record/crosswalk": 8,
    "crosswalk": 8,
}


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(*said: object) -> None:
        statement = str(said[2])
        # Rows of one query, which PostgreSQL hands over in pieces.
        if not statement.startswith(("FETCH", "CLOSE")):
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def queries(
    client: TestClient, engine: Engine, own: Headers, one: tuple[str, str]
) -> dict[str, int]:
    """By route, of the child of a record and of the record."""
    child_id = client.get(record(one), headers=own).json()["child_id"]
    found = {}
    for name in MOST:
        whole = {"records": [{"source": one[0], "record_id": one[1]}] * 7}
        with counted(engine) as asked:
            if name == "crosswalk":
                answer = client.post("/v1/crosswalk", headers=own, json=whole)
            elif name.startswith("record"):
                answer = client.get(record(one, name.removeprefix("record")), headers=own)
            else:
                answer = client.get(child(child_id, name), headers=own)
        assert answer.status_code == 200, (name, answer.text)
        found[name] = len(asked)
    return found


def test_no_request_takes_more_queries_for_a_larger_child(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key(per_minute=100_000)
    register.shield(NOAH)
    # What is read once in a process: the rules, and by what cursors are enciphered.
    client.get(record(NOAH, "/why"), headers=own)
    client.get(child(register.child(AISHA[0]), "/records?limit=1"), headers=own)
    small = queries(client, register.engine, own, AISHA[0])
    for at in range(12):
        source = ("clinic", "social", "census")[at % 3]
        said = {**AISHA_SAYS, "family_id": f"F{at % 2}"}
        put = client.put(record((source, f"more-{at}")), headers=own, json=said).json()
        assert put["child_id"] == register.child(AISHA[0])
    for at in range(6):
        said = {"forename": f"Carer {at}", "role": "carer", "family_id": f"F{at % 2}"}
        client.put(record(("clinic", f"carer-{at}")), headers=own, json=said)
    large = queries(client, register.engine, own, AISHA[0])
    assert large == small
    logged = 0 if is_sqlite(register.engine) else 2
    assert {name: count for name, count in large.items() if count > MOST[name] + logged} == {}

"""What is in the register and what waits, as counts."""

from datetime import timedelta

from api.services.extracts import withdraw
from api.services.extracts.validation import validate
from api.services.status import status
from tests.register_service.extracts import DAY, NOW, Loader, people, rules

AMY = {"record_id": "1", "forename": "Amy"}
DAN = {"record_id": "2", "forename": "Dan", "role": "carer"}
BAD = {"record_id": "3", "forename": "Bad", "date_of_birth": "x"}


def test_an_empty_register_has_nothing(loader: Loader) -> None:
    found = status(loader.connection)
    assert (found.sources, found.waiting, found.runs) == ((), (), ())
    assert (found.children, found.pairs_waiting, found.conflicts) == (0, 0, 0)


def test_a_source_is_told_with_its_date_and_counts(loader: Loader) -> None:
    extract = loader.receive(people([AMY, DAN, BAD])).extract
    validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    loader.apply(extract)
    found = status(loader.connection)
    (source,) = found.sources
    assert (source.name, source.as_of) == ("toddlers", DAY)
    assert (source.records, source.children, source.rejects) == (2, 1, 1)
    assert [run.id for run in found.runs] == loader.runs
    assert found.runs[0].at == NOW


def test_what_waits_is_told_with_why(loader: Loader) -> None:
    first = loader.receive(people([AMY])).extract
    loader.apply(first)
    unread = people([{**AMY, "date_of_birth": "soon"}])
    received = loader.receive(people([DAN]), as_of=DAY + timedelta(1)).extract
    stopped = loader.receive(unread, as_of=DAY + timedelta(2)).extract
    validate(loader.connection, stopped, book=rules(), by="analyst", now=NOW)
    waiting = status(loader.connection).waiting
    assert [(found.id, found.state, found.stops) for found in waiting] == [
        (received, "received", ()),
        (stopped, "validated", ("empty",)),
    ]
    assert waiting[0].received_at == NOW


def test_a_withdrawn_extract_waits_until_it_is_undone(loader: Loader) -> None:
    extract = loader.receive(people([AMY])).extract
    loader.apply(extract)
    withdraw(loader.connection, extract, by="analyst", now=NOW, why="a slip")
    found = status(loader.connection)
    assert [one.state for one in found.waiting] == ["withdrawn"]
    assert [(one.name, one.as_of, one.records) for one in found.sources] == [("toddlers", DAY, 1)]


def test_an_extract_of_another_source_is_told_as_refused_and_its_source_is_none(
    loader: Loader,
) -> None:
    extract = loader.receive("a,b\n1,2\n", source="swift").extract
    refused = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    found = status(loader.connection)
    assert found.sources == ()
    assert [(one.id, one.source, one.refusal) for one in found.refused] == [
        (extract, "swift", refused.refusal)
    ]
    loader.receive(people([AMY]), source="swift")
    assert status(loader.connection).refused == ()

"""The life of an extract: what its state allows, who decided, and what is refused."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.db.models import (
    Agreement,
    Audit,
    Extract,
    ExtractChunk,
    ExtractState,
    Record,
    Reject,
    Source,
)
from api.services.extracts import (
    StateError,
    accept,
    apply,
    can_accept,
    can_refuse,
    can_withdraw,
    check_can_withdraw,
    diff,
    extracts_due,
    read_kept,
    refuse,
    undo,
    withdraw,
)
from api.services.extracts.files import CHUNK
from api.services.extracts.receiving import move_to_source
from api.services.extracts.states import check_exported_on
from api.services.extracts.validation import Validated, accept_as_reported, validate
from api.services.rules import RuleBook
from matcher.errors import ExtractRefused
from tests.end_to_end.command import TOWN
from tests.register_service.extracts import DAY, NOW, Loader, new_run, people, rules

AMY = {"record_id": "1", "forename": "Amy"}
BEN = {"record_id": "2", "forename": "Ben"}
BY = {"by": "reviewer", "now": NOW}


def by_a_person() -> RuleBook:
    book = rules()
    return replace(book, loading=book.loading.model_copy(update={"accept": "by_a_person"}))


def check(loader: Loader, extract: int, book: RuleBook | None = None) -> Validated:
    return validate(loader.connection, extract, book=book or rules(), **BY)


def row(loader: Loader, extract: int) -> Any:
    table = Extract.__table__
    return loader.connection.execute(select(table).where(table.c.id == extract)).one()


def count(loader: Loader, table: Any, *conditions: Any) -> int:
    counted = select(func.count()).select_from(table).where(*conditions)
    return loader.connection.execute(counted).scalar_one()


def test_a_plausible_extract_goes_all_the_way(loader: Loader) -> None:
    extract = loader.receive(people([AMY])).extract
    assert row(loader, extract).state == ExtractState.RECEIVED
    assert check(loader, extract).state == ExtractState.ACCEPTED
    assert [due.extract for due in extracts_due(loader.connection)] == [extract]
    loader.apply(extract)
    assert row(loader, extract).state == ExtractState.CURRENT
    assert extracts_due(loader.connection) == []
    assert count(loader, ExtractChunk) == 0


def test_a_snapshot_supersedes_what_was_current_and_a_delta_does_not(loader: Loader) -> None:
    first = loader.receive(people([AMY])).extract
    loader.apply(first)
    second = loader.receive(people([BEN]), mode="delta").extract
    loader.apply(second)
    assert [row(loader, number).state for number in (first, second)] == ["current"] * 2
    third = loader.receive(people([BEN]), as_of=DAY + timedelta(days=1)).extract
    loader.apply(third)
    states = [row(loader, number).state for number in (first, second, third)]
    assert states == ["superseded", "superseded", "current"]


def test_a_person_accepts_where_policy_asks_for_one(loader: Loader) -> None:
    extract = loader.receive(people([AMY])).extract
    assert not can_accept(loader.connection, extract)
    assert check(loader, extract, by_a_person()).state == ExtractState.VALIDATED
    assert can_accept(loader.connection, extract)
    accept(loader.connection, extract, **BY)
    found = row(loader, extract)
    assert (found.state, found.decided_by) == (ExtractState.ACCEPTED, "reviewer")
    assert found.decided_at is not None
    with pytest.raises(StateError, match="is accepted; it would have to be validated"):
        accept(loader.connection, extract, **BY)


def test_a_person_refuses_and_the_file_is_dropped(loader: Loader) -> None:
    extract = loader.receive(people([AMY])).extract
    check(loader, extract, by_a_person())
    assert can_refuse(loader.connection, extract)
    for why in (" ", "the \u202ewrong year"):
        with pytest.raises(StateError, match=r"enter a reason|cannot be seen"):
            refuse(loader.connection, extract, why=why, **BY)
    refuse(loader.connection, extract, why="the wrong year", **BY)
    assert (row(loader, extract).state, row(loader, extract).refusal) == (
        "refused",
        "the wrong year",
    )
    assert count(loader, ExtractChunk) == 0
    assert not can_refuse(loader.connection, extract)
    assert not can_withdraw(loader.connection, extract)


def test_every_step_is_in_the_audit_log_with_who_and_when(loader: Loader) -> None:
    extract = loader.receive(people([AMY])).extract
    check(loader, extract)
    assert row(loader, extract).decided_by is None
    withdraw(loader.connection, extract, why="a slip", **BY)
    assert row(loader, extract).decided_by == "reviewer"
    steps = loader.connection.execute(
        select(Audit.action, Audit.by, Audit.about).order_by(Audit.id)
    ).all()
    about = f"extract {extract}"
    assert [tuple(step) for step in steps] == [
        ("extract_received", "analyst", about),
        ("extract_validated", "reviewer", about),
        ("extract_accepted_by_rule", "reviewer", about),
        ("extract_withdrawn", "reviewer", about),
    ]


def test_what_waits_is_withdrawn_at_once(loader: Loader) -> None:
    extract = loader.receive(people([AMY])).extract
    withdraw(loader.connection, extract, why="a slip", **BY)
    assert extracts_due(loader.connection) == []
    assert count(loader, ExtractChunk) == 0


def test_what_is_current_is_undone_by_the_next_run(loader: Loader) -> None:
    first = loader.receive(people([AMY])).extract
    loader.apply(first)
    second = loader.receive(people([BEN]), as_of=DAY + timedelta(days=1)).extract
    loader.apply(second)
    withdraw(loader.connection, second, why="a slip", **BY)
    assert loader.names() == {"2": "Ben"}
    (due,) = extracts_due(loader.connection)
    assert (due.extract, due.undo) == (second, True)
    applied = undo(loader.connection, extract=second, run=new_run(loader.connection))
    assert loader.names() == {"1": "Amy"}
    assert row(loader, first).state == ExtractState.CURRENT
    assert (loader.ids(applied.new), loader.ids(applied.gone)) == (["1"], ["2"])
    assert extracts_due(loader.connection) == []


def test_only_the_latest_current_extract_can_be_withdrawn(loader: Loader) -> None:
    first = loader.receive(people([AMY])).extract
    loader.apply(first)
    loader.load(people([BEN]), mode="delta")
    assert not can_withdraw(loader.connection, first)
    with pytest.raises(StateError, match="withdraw the later ones first"):
        check_can_withdraw(loader.connection, first)


def test_one_run_does_not_apply_two_extracts_of_a_source(loader: Loader) -> None:
    loader.load(people([AMY]))
    extract = loader.receive(people([BEN]), mode="delta").extract
    check(loader, extract)
    read = read_kept(loader.connection, extract, rules())
    source = row(loader, extract).source
    changes = diff(loader.connection, source=source, read=read, mode="delta", as_of=DAY)
    with pytest.raises(StateError, match="already"):
        apply(loader.connection, changes, extract=extract, run=loader.runs[-1])


def test_accepted_extracts_are_due_by_their_date(loader: Loader) -> None:
    late = loader.receive(people([AMY]), source="late", as_of=DAY + timedelta(days=9)).extract
    early = loader.receive(people([AMY]), source="early").extract
    for extract in (late, early):
        check(loader, extract)
    assert [due.extract for due in extracts_due(loader.connection)] == [early, late]


@pytest.mark.parametrize("state", ["received", "accepted", "current"])
def test_the_same_content_again_is_recognised_and_changes_nothing(
    loader: Loader, state: str
) -> None:
    first = loader.receive(people([AMY]))
    if state != "received":
        check(loader, first.extract)
    if state == "current":
        loader.apply(first.extract)
    before = count(loader, Audit)
    again = loader.receive(people([AMY]))
    assert (again.extract, again.unchanged, first.unchanged) == (first.extract, True, False)
    assert (count(loader, Extract), count(loader, Audit)) == (1, before)


def test_the_same_content_for_another_date_is_news(loader: Loader) -> None:
    loader.load(people([AMY]))
    again = loader.receive(people([AMY]), as_of=DAY + timedelta(days=1))
    assert not again.unchanged


def test_a_later_extract_that_is_accepted_supersedes_those_that_wait(loader: Loader) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    older, newer, latest = (loader.receive(people([AMY]), as_of=day).extract for day in days)
    for extract in (older, newer):
        check(loader, extract, by_a_person())
    accept(loader.connection, newer, **BY)
    assert row(loader, older).state == ExtractState.SUPERSEDED
    check(loader, latest)
    assert row(loader, newer).state == ExtractState.ACCEPTED
    assert [due.extract for due in extracts_due(loader.connection)] == [newer, latest]
    actions = loader.connection.scalars(
        select(Audit.action).where(Audit.about == f"extract {older}").order_by(Audit.id)
    )
    assert list(actions)[-1] == "extract_superseded_by_rule"


def test_an_extract_read_after_a_later_one_was_accepted_is_superseded(loader: Loader) -> None:
    older = loader.receive(people([AMY])).extract
    check(loader, loader.receive(people([BEN]), as_of=DAY + timedelta(days=1)).extract)
    assert check(loader, older).state == ExtractState.SUPERSEDED
    assert row(loader, older).state == ExtractState.SUPERSEDED


def test_what_was_refused_can_come_again(loader: Loader) -> None:
    first = loader.receive(people([AMY])).extract
    refuse(loader.connection, first, why="too early", **BY)
    assert not loader.receive(people([AMY])).unchanged


def test_a_source_is_registered_once_with_what_it_may_be_used_for(loader: Loader) -> None:
    loader.receive(TOWN / "eyfsp.csv", source="eyfsp")
    loader.receive(TOWN / "eyfsp.csv", source="eyfsp", as_of=DAY + timedelta(days=1))
    (source,) = loader.connection.execute(select(Source.__table__)).all()
    (agreement,) = loader.connection.execute(select(Agreement.__table__)).all()
    definition = rules().sources["eyfsp"]
    assert (source.name, source.title) == ("eyfsp", definition.title)
    assert source.one_record_per_child
    assert agreement.lawful_basis == definition.lawful_basis
    assert agreement.purposes == {
        "purposes": list(definition.purposes),
        # Its record ids are UPNs.
        "fields": {"upn": ["education"], "record_id": ["education"]},
    }


def test_a_folder_is_kept_and_read_like_its_zip(loader: Loader, tmp_path: Path) -> None:
    folder = loader.receive(TOWN / "estart", source="estart").extract
    packed = tmp_path / "estart.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((TOWN / "estart").iterdir()):
            archive.write(path, path.name)
    zipped = loader.receive(packed, source="estart").extract
    records = [
        len(read_kept(loader.connection, extract, rules()).records) for extract in (folder, zipped)
    ]
    assert records[0] == records[1] > 0


def test_a_folder_is_the_same_again_whenever_its_files_were_written(
    loader: Loader, tmp_path: Path
) -> None:
    def copy(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for path in (TOWN / "caf").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        return folder

    first = loader.receive(copy("monday"), source="caf")
    again = loader.receive(copy("tuesday"), source="caf")
    assert (again.extract, again.unchanged) == (first.extract, True)


def test_a_large_file_is_kept_in_chunks(loader: Loader) -> None:
    content = people([AMY]) + (" " * 999 + "\n") * (CHUNK // 400)
    extract = loader.receive(content).extract
    assert count(loader, ExtractChunk) == 3
    assert len(read_kept(loader.connection, extract, rules()).records) == 1


def test_the_name_of_a_file_is_not_kept(loader: Loader) -> None:
    path = loader.write(people([AMY, {"record_id": "2", "date_of_birth": "x"}]), "Amy Lees.csv")
    extract = loader.receive(path).extract
    report = check(loader, extract).report
    assert report is not None
    assert report["files"][0]["file"] == "extract.csv"
    assert loader.connection.scalars(select(Reject.file)).all() == ["extract.csv"]


def nothing_written(loader: Loader) -> bool:
    return not any(count(loader, table) for table in (Source, Extract, Agreement, Audit, Record))


@pytest.mark.parametrize(
    "source, content, code, message",
    [
        ("Toddlers!", people([AMY]), "source_name", "small letters"),
        ("toddlers", "pet,owner\nRex,Amy Quillfeather\n", "unknown_source", "no definition"),
        ("toddlers", "", "empty_file", "empty"),
    ],
)
def test_an_unknown_source_is_refused_and_nothing_is_written(
    loader: Loader, source: str, content: str, code: str, message: str
) -> None:
    with pytest.raises(ExtractRefused, match=message) as refused:
        loader.receive(content, source=source)
    assert refused.value.code == code
    assert "Quillfeather" not in str(refused.value)
    assert nothing_written(loader)


def test_an_unknown_source_is_told_whose_file_it_may_be(loader: Loader) -> None:
    with pytest.raises(ExtractRefused, match=r"looks like one of .*eyfsp"):
        loader.receive(TOWN / "eyfsp.csv", source="eyfps")
    assert nothing_written(loader)


def test_a_path_without_a_file_is_refused(loader: Loader, tmp_path: Path) -> None:
    with pytest.raises(ExtractRefused) as refused:
        loader.receive(tmp_path / "missing.csv", source="eyfsp")
    assert refused.value.code == "not_found"
    assert nothing_written(loader)


def test_an_extract_for_another_source_is_refused_with_whose_it_looks_like(
    loader: Loader,
) -> None:
    extract = loader.receive(TOWN / "eyfsp.csv", source="caf").extract
    validated = check(loader, extract)
    assert validated.state == ExtractState.REFUSED
    assert "laid out like an extract of eyfsp" in str(validated.refusal)
    assert row(loader, extract).refusal == validated.refusal
    assert (count(loader, ExtractChunk), count(loader, Reject), count(loader, Record)) == (0, 0, 0)


def test_a_damaged_extract_is_refused_without_its_values(loader: Loader) -> None:
    broken = loader.write("", "x.xlsx")
    broken.write_bytes(b"PK\x03\x04 Quillfeather")
    extract = loader.receive(broken, source="swift").extract
    validated = check(loader, extract)
    assert validated.state == ExtractState.REFUSED
    assert "damaged" in str(validated.refusal)
    assert "Quillfeather" not in str(validated.refusal)


def test_an_older_date_than_the_current_one_is_refused(loader: Loader) -> None:
    loader.load(people([AMY]))
    before = count(loader, Extract)
    with pytest.raises(StateError, match=r"31 August 2024 is older .* 1 September 2024"):
        loader.receive(people([BEN]), as_of=date(2024, 8, 31))
    assert count(loader, Extract) == before


@pytest.mark.parametrize(
    ("now", "today"),
    [
        (datetime(2026, 1, 15, 23, 59, tzinfo=UTC), date(2026, 1, 15)),
        (datetime(2026, 7, 1, 22, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 23, 1, tzinfo=UTC), date(2026, 7, 2)),
    ],
)
def test_a_day_after_today_in_england_is_none_on_which_a_system_was_exported(
    now: datetime, today: date
) -> None:
    check_exported_on(today, now)
    with pytest.raises(StateError, match="is in the future"):
        check_exported_on(today + timedelta(days=1), now)


@pytest.mark.parametrize("slip", [date(1, 1, 1), date(25, 3, 1), date(1989, 12, 31)])
def test_a_day_before_1990_is_none_on_which_a_system_was_exported(slip: date) -> None:
    check_exported_on(date(1990, 1, 1), NOW)
    with pytest.raises(StateError, match="is before 1 January 1990; give the date on which"):
        check_exported_on(slip, NOW)


def test_the_very_file_of_another_source_is_refused_for_one_with_a_definition(
    loader: Loader,
) -> None:
    content = people([AMY, BEN])
    loader.load(content, source="tribal")
    before = count(loader, Extract)
    for as_of in (DAY, DAY + timedelta(days=1)):
        with pytest.raises(ExtractRefused, match="as extract 1 of tribal") as refused:
            loader.receive(content, source="estart", as_of=as_of)
        assert refused.value.code == "other_source"
    assert count(loader, Extract) == before
    loader.receive(content, source="town_list")
    loader.receive(people([AMY]), source="estart")


@pytest.mark.parametrize("step", [refuse, withdraw])
def test_a_file_whose_extract_was_taken_back_can_come_for_its_own_source(
    loader: Loader, step: Callable[..., None]
) -> None:
    extract = loader.receive(people([AMY]), source="tribal").extract
    step(loader.connection, extract, why="it is of estart", **BY)
    assert not loader.receive(people([AMY]), source="estart").unchanged


def test_an_extract_is_not_moved_to_a_source_while_a_third_has_its_file(loader: Loader) -> None:
    copy = loader.receive(people([AMY]), source="tribal").extract
    extract = loader.receive(people([AMY]), source="town_list").extract
    with pytest.raises(ExtractRefused, match=f"extract {copy} of tribal"):
        move_to_source(loader.connection, extract, "estart", book=rules(), **BY)
    withdraw(loader.connection, copy, why="a slip", **BY)
    move_to_source(loader.connection, extract, "estart", book=rules(), **BY)


def test_states_that_would_allow_a_step_are_listed_as_in_a_sentence(loader: Loader) -> None:
    extract = loader.receive(people([AMY])).extract
    refuse(loader.connection, extract, why="a slip", **BY)
    with pytest.raises(StateError, match=r"to be received, validated, accepted or current$"):
        withdraw(loader.connection, extract, why="a slip", **BY)


def test_an_extract_that_grew_old_while_it_waited_cannot_be_accepted(loader: Loader) -> None:
    old = loader.receive(people([AMY])).extract
    check(loader, old, by_a_person())
    loader.load(people([BEN]), as_of=DAY + timedelta(days=1))
    with pytest.raises(StateError, match="older"):
        accept(loader.connection, old, **BY)


def test_a_person_accepts_what_the_report_says_as_the_register_is_then(loader: Loader) -> None:
    def accepts(extract: int) -> bool:
        return accept_as_reported(
            loader.connection, extract, book=by_a_person(), cleared=True, **BY
        )

    many = [{"record_id": str(n), "forename": f"Amy{n}"} for n in range(60)]
    few, all_ = (loader.receive(people(rows)).extract for rows in (many[:3], many))
    for extract in (few, all_):
        check(loader, extract, by_a_person())
    assert accepts(all_)
    with pytest.raises(StateError, match=f"extract {all_} of the same source is accepted"):
        accepts(few)
    loader.apply(all_)
    assert row(loader, few).report["change"]["new"] == 3
    assert not accepts(few)
    found = row(loader, few)
    assert (found.state, found.report["change"]["gone"]) == (ExtractState.VALIDATED, 57)
    assert [stop["code"] for stop in found.report["stops"]] == ["gone", "fewest", "same_date"]
    loader.load(people([AMY]), source="other")
    assert accepts(few), "nothing that its report tells of has changed"


def test_an_extract_that_does_not_exist_is_told(loader: Loader) -> None:
    steps: list[Callable[[], Any]] = [
        lambda: accept(loader.connection, 99, **BY),
        lambda: withdraw(loader.connection, 99, why="a slip", **BY),
        lambda: check(loader, 99),
    ]
    for step in steps:
        with pytest.raises(StateError, match="no extract 99"):
            step()

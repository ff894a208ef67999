"""What may be seen for a purpose, of the sources as they are defined."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, select

from api.db.engine import reading, writing
from api.db.models import Agreement, Source
from api.services.access.caller import AccessError, Caller, PurposeError
from api.services.access.policy import Terms, Unnamed, View, known_purposes, read_terms, view_of
from api.services.access.purposes import check_purposes, purposes_of
from api.services.access.roles import Role
from api.services.extracts.receiving import _purposes_of_fields
from api.services.rules import load_rule_book, shipped_rules

TODAY = date(2024, 9, 2)
BOOK = load_rule_book(shipped_rules())
PURPOSES = frozenset({"early_years", "education", "health", "early_help", "outcomes"})


def shipped_terms() -> list[Terms]:
    """As a register keeps them when a source first comes."""
    return [
        Terms(
            name,
            frozenset(definition.purposes),
            {key: frozenset(may) for key, may in _purposes_of_fields(definition).items()},
        )
        for name, definition in sorted(BOOK.sources.items())
    ]


def caller(purpose: str | None, **more: Any) -> Caller:
    given = {"roles": frozenset({Role.ANALYST}), "purposes": PURPOSES, "purpose": purpose}
    return Caller("ada", **{**given, **more})


def view(purpose: str, terms: list[Terms] | None = None, **more: Any) -> View:
    return view_of(shipped_terms() if terms is None else terms, caller(purpose, **more), TODAY)


@pytest.mark.parametrize(
    "asking", [caller(None), caller("marketing"), caller("education", purposes=frozenset())]
)
def test_nothing_is_seen_without_a_purpose_that_the_caller_may_act_for(asking: Caller) -> None:
    with pytest.raises(PurposeError):
        view_of(shipped_terms(), asking, TODAY)


@pytest.mark.parametrize(
    "purpose, sources",
    [
        ("education", {"ctf", "eyfsp", "school_census", "tribal"}),
        ("early_help", {"caf"}),
        ("health", {"systmone"}),
    ],
)
def test_a_source_is_seen_for_the_purposes_of_its_agreement(
    purpose: str, sources: set[str]
) -> None:
    assert view(purpose).sources == sources


def test_a_upn_is_seen_for_education_only() -> None:
    holders = {
        name
        for name, definition in BOOK.sources.items()
        if any("upn" in table.columns for table in definition.tables)
    }
    assert len(holders) >= 6
    for purpose in sorted(PURPOSES):
        found = view(purpose)
        seen = {name for name in holders if found.may_see(name, "upn")}
        assert seen == (holders & found.sources if purpose == "education" else set())


def test_a_record_id_that_is_a_upn_is_seen_as_a_upn_is() -> None:
    early_years = view("early_years")
    assert "eyfsp" in early_years.sources
    assert early_years.may_see("eyfsp", "forename")
    assert not early_years.may_see("eyfsp", "record_id")
    assert not early_years.may_see("ctf", "record_id")
    assert early_years.may_see("school_census", "record_id")
    assert early_years.may_see("estart", "record_id")
    assert view("education").may_see("eyfsp", "record_id")


def test_a_field_is_not_seen_of_a_source_that_is_not() -> None:
    # The definition lets the UPN of an early help record be used for education, but not
    # the record itself.
    assert not view("education").may_see("caf", "upn")
    assert not view("early_help").may_see("caf", "upn")
    assert not view("education").may_see("no_such_source", "forename")


def test_an_agreement_counts_from_its_first_to_its_last_day() -> None:
    def seen(starts: date | None, ends: date | None) -> bool:
        terms = [Terms("x", frozenset({"education"}), {}, starts, ends)]
        return view("education", terms).may_see("x", "forename")

    day = timedelta(days=1)
    assert seen(None, None)
    assert seen(TODAY, TODAY)
    assert not seen(None, TODAY - day)
    assert not seen(TODAY + day, None)


def test_an_agreement_that_ended_hides_only_its_own_source() -> None:
    terms = [
        Terms("x", frozenset({"education"}), {}, ends=TODAY - timedelta(days=1)),
        Terms("y", frozenset({"education"}), {}),
    ]
    assert view("education", terms).sources == {"y"}


def test_of_several_agreements_each_counts_for_itself() -> None:
    terms = [
        Terms("x", frozenset({"education"}), {"address": frozenset()}),
        Terms("x", frozenset({"health"}), {"address": frozenset({"health"})}),
    ]
    assert not view("education", terms).may_see("x", "address")
    assert view("health", terms).may_see("x", "address")


def test_a_field_that_has_purposes_anywhere_has_them_where_an_agreement_is_silent() -> None:
    early_years, education = view("early_years"), view("education")
    silent = {"estart", "t234"}
    assert silent <= early_years.sources
    assert not any(early_years.may_see(one, "upn") for one in early_years.sources)
    assert early_years.usable(["forename", "upn"]) == frozenset()
    assert "tribal" in education.usable(["forename", "upn"])
    own = [Terms("x", PURPOSES, {"upn": frozenset({"health"})}), Terms("y", PURPOSES, {})]
    assert view("health", own).may_see("y", "upn")
    assert not view("early_years", own).may_see("y", "upn")


def test_a_record_id_of_one_source_says_nothing_of_another_and_holds_in_all_its_agreements() -> (
    None
):
    may = frozenset({"education"})
    terms = [
        Terms("x", PURPOSES, {"record_id": may}),
        Terms("x", PURPOSES, {}),
        Terms("y", PURPOSES, {}),
    ]
    found = view("early_years", terms)
    assert found.named == {"y"}
    shown = found.shown_id("x", "H353200621029", 9036)
    assert (shown, type(shown)) == ("record 9036", Unnamed)
    assert found.shown_id("y", "4711", 9037) == "4711"
    with pytest.raises(AccessError, match="record id"):
        found.require_named("x")
    assert view("education", terms).named == {"x", "y"}


def test_a_caller_for_some_sources_sees_no_other() -> None:
    found = view("education", sources=frozenset({"ctf", "estart"}))
    assert found.sources == {"ctf"}
    assert not found.may_see("tribal", "forename")
    found.require_source("ctf")
    for other in ("tribal", "no_such_source"):
        with pytest.raises(AccessError) as caught:
            found.require_source(other)
        assert other not in str(caught.value)


VALUES = {
    "forename": "Aisha",
    "upn": "H353200621029",
    "address": "14 High Street",
    "postcode": "OL1 1AA",
    "centre": "Royton",
    "setting": "Acorns",
    "organisation": "GP",
    "date": "2024-01-01",
}


def test_values_are_left_out_that_may_not_be_seen() -> None:
    shown = view("early_years").of_values("tribal", VALUES, shielded=False)
    assert shown.keys() == VALUES.keys() - {"upn"}
    assert view("education").of_values("tribal", VALUES, shielded=False) == VALUES
    assert view("health").of_values("tribal", VALUES, shielded=False) == {}


def test_where_a_shielded_child_lives_or_goes_is_seen_by_the_cleared_only() -> None:
    shown = view("education").of_values("tribal", VALUES, shielded=True)
    assert shown.keys() == {"forename", "upn", "date"}
    cleared = view("education", cleared=True)
    assert cleared.of_values("tribal", VALUES, shielded=True) == VALUES
    assert view("education").hides_location(True)
    assert not view("education").hides_location(False)
    assert not cleared.hides_location(True)


GOLDEN = {
    "child_id": "C1",
    "forename": "Aisha",
    "forename_source": "estart",
    "surname": "Khan",
    "surname_source": "correction",
    "upn": "H353200621029",
    "upn_source": "tribal",
    "nhs_number": None,
    "nhs_number_source": None,
    "postcode": "OL1 1AA",
    "postcode_source": "tribal",
}


def test_golden_values_are_seen_as_their_sources_are() -> None:
    education = view("education").of_golden(GOLDEN, shielded=False)
    assert education == {**GOLDEN, "forename": None, "forename_source": None}
    early_years = view("early_years").of_golden(GOLDEN, shielded=False)
    assert early_years == {**GOLDEN, "upn": None, "upn_source": None}


def test_a_golden_place_of_a_shielded_child_is_hidden_with_its_source() -> None:
    shown = view("education").of_golden(GOLDEN, shielded=True)
    assert (shown["postcode"], shown["postcode_source"]) == (None, None)
    assert view("education", cleared=True).of_golden(GOLDEN, shielded=True)["postcode"]


def test_a_value_set_by_hand_is_seen_for_the_purposes_of_its_field() -> None:
    golden = {"upn": "H353200621029", "upn_source": "correction"}
    assert view("education").of_golden(golden, shielded=False) == golden
    for other in ("early_years", "health"):
        assert view(other).of_golden(golden, shielded=False)["upn"] is None
    name = {"surname": "Khan", "surname_source": "correction"}
    assert view("health").of_golden(name, shielded=False) == name
    assert view("education", []).of_golden(golden, shielded=False)["upn"] is None


def test_only_who_may_export_may_export_what_they_see() -> None:
    assert view("education").may_export("ctf")
    assert not view("education").may_export("estart")
    assert not view("education", roles=frozenset({Role.REVIEWER})).may_export("ctf")


def test_columns_keep_their_order() -> None:
    columns = ["upn", "surname", "forename"]
    assert view("early_years").columns_of("tribal", columns) == ["surname", "forename"]


def test_purposes_are_those_of_agreements_and_of_rules() -> None:
    assert known_purposes(shipped_terms()) == sorted(purposes_of(BOOK))
    check_purposes(["education"], known_purposes(shipped_terms()))
    with pytest.raises(PurposeError, match="known are: early_help, early_years"):
        check_purposes(["education", "marketing"], known_purposes(shipped_terms()))


def test_agreements_are_read_in_one_query(engine: Engine) -> None:
    with writing(engine) as connection:
        for number, name in enumerate(("x", "y"), start=1):
            row = {"number": number, "name": name, "title": name, "one_record_per_child": False}
            connection.execute(insert(Source).values(row))
            purposes = {"purposes": ["education"], "fields": {"upn": ["education"]}}
            agreement = {"source": number, "lawful_basis": "law", "purposes": purposes}
            connection.execute(insert(Agreement).values(agreement | {"ends": TODAY}))
    queries = 0

    def count(*_: object) -> None:
        nonlocal queries
        queries += 1

    with reading(engine) as connection:
        connection.execute(select(1))
        event.listen(engine, "before_cursor_execute", count)
        terms = read_terms(connection)
    assert queries == 1
    education, fields = frozenset({"education"}), {"upn": frozenset({"education"})}
    assert terms == tuple(Terms(name, education, fields, None, TODAY) for name in ("x", "y"))

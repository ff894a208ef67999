"""Decisions hold over everything until a person changes them, and come back when values do."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Decision, Pair
from api.services.register.acts import ActError
from api.services.register.deciding import can_decide, can_undo, decide, undo_decision
from api.services.register.kept_rules import InForce
from api.services.register.running import relink
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from tests.register_service.registers import NOW
from tests.register_service.reviewed import (
    AISHA,
    NOAH,
    PEOPLE,
    UNSURE,
    WHO,
    Reviewed,
    with_values,
    without,
)

SCHOOL, CLINIC, SOCIAL = AISHA


def stricter_rules(folder: Path) -> InForce:
    """Rules by which nothing is linked."""
    book = folder / "rules"
    shutil.copytree(shipped_rules(), book)
    file = book / "matching.yaml"
    text = file.read_text(encoding="utf-8")
    changed = "".join(
        "  upper: 90\n" if line.strip().startswith("upper:") else f"{line}\n"
        for line in text.splitlines()
    )
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    found = load_rule_book(book)
    return InForce(found, shipped_model(found))


def test_without_decisions_the_model_says_what_it_says(register: Reviewed) -> None:
    assert register.together(SCHOOL, CLINIC)
    assert register.together(SCHOOL, SOCIAL)
    assert not register.together(SCHOOL, NOAH)
    assert not register.together(SCHOOL, UNSURE)
    assert register.conflicts() == []


def test_a_match_joins_two_that_no_rule_even_proposes(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        noah = register.ids(connection)[NOAH]
        kept = select(Pair.l).where((Pair.l == noah) | (Pair.r == noah))
        assert connection.execute(kept).first() is None
    decision = register.say("match", CLINIC, NOAH)
    assert register.together(CLINIC, NOAH)
    assert register.together(SCHOOL, NOAH)
    register.load_people(with_values(CLINIC, surname="Begum", postcode="OL9 9AA"))
    assert register.together(CLINIC, NOAH)
    register.link_anew()
    assert register.together(CLINIC, NOAH)
    register.take_back(decision)
    assert not register.together(CLINIC, NOAH)


def test_a_non_match_keeps_apart_two_that_a_third_would_join(register: Reviewed) -> None:
    decision = register.say("non_match", SCHOOL, CLINIC)
    assert not register.together(SCHOOL, CLINIC)
    # The third fits both alike, so a person must say whose it is.
    assert {(CLINIC, SOCIAL), (SCHOOL, SOCIAL)} <= set(register.waiting("possible_link"))
    third = register.say("match", SOCIAL, CLINIC)
    assert register.together(SOCIAL, CLINIC)
    assert not register.together(SCHOOL, CLINIC)
    register.load_people(with_values(SOCIAL, address="2 Mill Road, Oldham"))
    register.link_anew()
    assert register.together(SOCIAL, CLINIC)
    assert not register.together(SCHOOL, CLINIC)
    register.take_back(third)
    register.take_back(decision)
    assert register.together(SCHOOL, CLINIC)
    assert register.together(SCHOOL, SOCIAL)


def test_decisions_hold_by_other_rules(register: Reviewed, tmp_path: Path) -> None:
    register.say("match", NOAH, SCHOOL)
    register.say("non_match", SCHOOL, CLINIC)
    with writing(register.engine) as connection:
        relink(connection, stricter_rules(tmp_path), by="manager", now=NOW)
    assert register.together(NOAH, SCHOOL)
    assert not register.together(SCHOOL, CLINIC)
    assert not register.together(SCHOOL, SOCIAL)


def test_a_decision_holds_when_its_record_comes_back(register: Reviewed) -> None:
    register.say("match", CLINIC, NOAH)
    register.load_people([*without(CLINIC)])
    assert not register.together(SCHOOL, NOAH)
    register.load_people(PEOPLE)
    assert register.together(SCHOOL, NOAH)


def test_of_several_decisions_on_a_pair_the_last_counts(register: Reviewed) -> None:
    register.say("match", SCHOOL, NOAH)
    register.say("non_match", NOAH, SCHOOL)
    assert not register.together(SCHOOL, NOAH)
    third = register.say("match", SCHOOL, NOAH)
    assert register.together(SCHOOL, NOAH)
    register.say("cannot_tell", SCHOOL, NOAH)
    assert not register.together(SCHOOL, NOAH)
    register.take_back(third)
    assert not register.together(SCHOOL, NOAH)


def test_an_undo_brings_back_the_decision_before(register: Reviewed) -> None:
    register.say("match", SCHOOL, NOAH)
    second = register.say("non_match", SCHOOL, NOAH)
    register.take_back(second)
    assert register.together(SCHOOL, NOAH)


def test_a_decision_takes_effect_with_the_next_run_and_is_never_changed(
    register: Reviewed,
) -> None:
    number = register.say("non_match", SCHOOL, CLINIC, run=False)
    assert register.together(SCHOOL, CLINIC)
    register.run()
    assert not register.together(SCHOOL, CLINIC)
    register.take_back(number)
    with reading(register.engine) as connection:
        rows = connection.execute(
            select(Decision.kind, Decision.by, Decision.why, Decision.undoes).order_by(Decision.id)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("non_match", "reviewer", "a test", None),
        ("undo", "reviewer", "a test", number),
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"one": ("school", "77")}, "school has no record with this id"),
    ({"one": ("Malik", "1")}, "there is no source of this name"),
    ({"one": CLINIC}, "about two records"),
    ({"why": " "}, "enter a reason"),
    ({"why": "alike \u202eekila"}, "right-to-left override, in or beside word 2"),
    ({"why": "alike\x1b[2K"}, r"control character U\+001B, in or beside word 1"),
    ({"why": "alike\x00"}, "leave out the null character"),
    ({"kind": "maybe"}, "one of match, non_match, cannot_tell"),
    ({"one": ("school", "3")}, "does not list this record any more"),
]


def test_what_cannot_be_decided_is_refused_with_the_reason(register: Reviewed) -> None:
    listed = [person for person in PEOPLE if person["source"] == "school"]
    register.load("school", [*listed, EXTRA])
    register.load("school", listed)
    asked: dict[str, Any] = {"kind": "match", "one": SCHOOL, "other": CLINIC, "why": "alike"}
    with writing(register.engine) as connection:
        assert can_decide(connection, **asked)
        for how, why_not in REFUSED:
            assert not can_decide(connection, **asked | how)
            with pytest.raises(ActError, match=why_not) as refused:
                decide(connection, **asked | how, **WHO)
            assert "77" not in str(refused.value)
            assert "Malik" not in str(refused.value)


EXTRA = {"record_id": "3", "forename": "Zed", "surname": "Zorn", "date_of_birth": "2012-01-09"}


def test_what_cannot_be_taken_back_is_refused_with_the_reason(register: Reviewed) -> None:
    number = register.say("match", SCHOOL, NOAH)
    register.take_back(number)
    with writing(register.engine) as connection:
        for decision, why_not in ((number, "already"), (99, "no decision"), (number + 1, "again")):
            assert not can_undo(connection, decision, why="wrong")
            with pytest.raises(ActError, match=why_not):
                undo_decision(connection, decision, why="wrong", **WHO)


def stale(register: Reviewed) -> list[Any]:
    return [item.decision for item in register.queue() if item.kind == "changed_values"]


def test_a_decision_comes_back_when_its_values_change_and_holds_meanwhile(
    register: Reviewed,
) -> None:
    register.say("non_match", SCHOOL, CLINIC)
    register.load_people(with_values(CLINIC, surname="Khan"))
    (found,) = stale(register)
    assert (found.kind, found.by, found.why) == ("non_match", "reviewer", "a test")
    assert (found.then_r, found.now_r) == ({"surname": "Malik"}, {"surname": "Khan"})
    assert (found.then_l, found.now_l) == ({}, {})
    assert not register.together(SCHOOL, CLINIC)
    register.load_people(PEOPLE)
    assert stale(register) == []
    assert not register.together(SCHOOL, CLINIC)


def test_values_that_reviewers_see_only_when_they_ask_are_named_and_not_told(
    register: Reviewed,
) -> None:
    register.load_people(with_values(CLINIC, nhs_number="9434765919"))
    register.say("non_match", SCHOOL, CLINIC)
    register.load_people(with_values(CLINIC, nhs_number="9000000009", forename="Ada"))
    (found,) = stale(register)
    assert (found.then_r, found.now_r) == ({"forename": "Aisha"}, {"forename": "Ada"})
    assert (found.masked_l, found.masked_r) == ((), ("nhs_number",))


def test_another_way_to_write_a_value_is_no_change(register: Reviewed) -> None:
    register.say("non_match", SCHOOL, CLINIC)
    register.load_people(
        with_values(CLINIC, surname="MALIK ", postcode="ol11aa", address="2 Mill Road")
    )
    assert stale(register) == []


def test_deciding_again_settles_a_decision_that_came_back(register: Reviewed) -> None:
    register.say("match", SCHOOL, CLINIC)
    register.load_people(with_values(SCHOOL, forename="Esther"))
    assert len(stale(register)) == 1
    register.say("match", SCHOOL, CLINIC)
    assert stale(register) == []
    register.link_anew()
    assert stale(register) == []


def test_a_decision_that_came_back_leaves_when_it_is_taken_back(register: Reviewed) -> None:
    number = register.say("match", SCHOOL, CLINIC)
    register.load_people(with_values(SCHOOL, forename="Esther"))
    assert len(stale(register)) == 1
    register.take_back(number)
    assert stale(register) == []


def test_linking_anew_finds_the_same_decisions_to_look_at(register: Reviewed) -> None:
    register.say("match", SCHOOL, CLINIC)
    register.say("cannot_tell", SOCIAL, UNSURE)
    register.load_people(with_values(SCHOOL, forename="Esther"))
    before = stale(register)
    register.link_anew()
    assert stale(register) == before
    assert len(before) == 1

"""What contradicts is listed for a person, from the run that saw it to the one that does not."""

import pytest
from sqlalchemy import select

from api.db.engine import reading
from api.db.models import Conflict
from api.services.register.entered import HOLDS, WAITS, standings
from tests.register_service.reviewed import (
    AISHA,
    NOAH,
    PEOPLE,
    UNSURE,
    Reviewed,
    with_values,
    without,
)

SCHOOL, CLINIC, SOCIAL = AISHA


def test_matches_that_join_two_sides_of_a_non_match_are_a_conflict(register: Reviewed) -> None:
    register.say("non_match", SCHOOL, NOAH)
    register.say("match", SCHOOL, SOCIAL)
    assert register.conflicts() == []
    last = register.say("match", SOCIAL, NOAH)
    (conflict,) = register.conflicts()
    assert conflict[0] == "contradiction"
    item = register.queue()[0]
    assert item.kind == "contradiction"
    told = [(one.id, one.kind, {one.l, one.r}, one.by, one.why) for one in item.clashing]
    who = ("reviewer", "a test")
    assert told == [
        (1, "non_match", {SCHOOL, NOAH}, *who),
        (2, "match", {SCHOOL, SOCIAL}, *who),
        (last, "match", {SOCIAL, NOAH}, *who),
    ]
    assert not register.together(SCHOOL, NOAH)
    register.link_anew()
    assert register.conflicts() == [conflict]
    register.take_back(last)
    assert register.conflicts() == []


def test_a_conflict_goes_when_its_record_does(register: Reviewed) -> None:
    register.say("non_match", SCHOOL, NOAH)
    register.say("match", SCHOOL, SOCIAL)
    register.say("match", SOCIAL, NOAH)
    assert len(register.conflicts()) == 1
    register.load_people([NOBODY, *(p for p in without(NOAH) if p["source"] == "census")])
    assert register.conflicts() == []


def test_only_the_decisions_that_clash_are_named_and_each_settles_it(register: Reviewed) -> None:
    """Others hang on the same records, one rests, one was taken back."""
    bar = register.say("non_match", SCHOOL, NOAH)
    register.say("match", SCHOOL, CLINIC)
    way = register.say("match", CLINIC, SOCIAL)
    register.take_back(register.say("match", SCHOOL, SOCIAL))
    register.say("non_match", UNSURE, SOCIAL)
    last = register.say("match", SOCIAL, NOAH)
    (named,) = [item.clashing for item in register.queue() if item.kind == "contradiction"]
    assert [one.id for one in named] == [bar, way - 1, way, last]
    for one in named:
        register.take_back(one.id)
        assert register.conflicts() == [], one.kind
        register.say(one.kind, one.l, one.r)
        assert len(register.conflicts()) == 1


NOBODY = {"source": "census", "record_id": "9", "forename": "Zed", "surname": "Zorn"}


def test_two_records_of_a_source_that_holds_each_child_once_are_a_conflict(
    register: Reviewed,
) -> None:
    register.holds_each_child_once("clinic")
    decision = register.say("match", ("clinic", "1"), ("clinic", "3"))
    assert register.conflicts() == [("held_twice", ("clinic", "1"), ("clinic", "3"))]
    assert [one.id for one in register.queue()[0].clashing] == [decision]
    register.link_anew()
    assert len(register.conflicts()) == 1
    register.take_back(decision)
    assert register.conflicts() == []


def test_a_link_refused_for_such_a_source_is_a_conflict_and_in_the_queue_once(
    register: Reviewed,
) -> None:
    """The school's record links with either of the clinic's, which cannot be one child."""
    register.load_people([*PEOPLE, {**PEOPLE[1], "record_id": "4", "address": "9 Dale Rd"}])
    register.holds_each_child_once("clinic")
    register.say("match", SCHOOL, CLINIC)
    register.say("match", SOCIAL, ("clinic", "4"))
    refused = [pair for kind, *pair in register.conflicts() if kind == "refused_link"]
    assert len(refused) == 1
    assert register.waiting().count(tuple(refused[0])) == 1
    assert refused[0] == list(register.waiting("refused_link")[0])
    register.say("non_match", CLINIC, ("clinic", "4"))
    assert register.conflicts() == []


def test_a_conflict_names_the_runs_between_which_it_was_open(register: Reviewed) -> None:
    register.holds_each_child_once("clinic")
    decision = register.say("match", ("clinic", "1"), ("clinic", "3"))
    register.load_people(with_values(NOAH, forename="Noa"))
    register.take_back(decision)
    register.say("match", ("clinic", "1"), ("clinic", "3"))
    with reading(register.engine) as connection:
        rows = connection.execute(
            select(Conflict.from_run, Conflict.to_run).order_by(Conflict.id)
        ).all()
    (first, until), (again, still) = rows
    assert until is not None
    assert first + 2 == until
    assert (again, still) == (until + 1, None)


def test_a_pair_leaves_the_queue_at_once_when_it_is_decided(register: Reviewed) -> None:
    (pair,) = register.waiting("possible_link")
    number = register.say("cannot_tell", *pair, run=False)
    assert register.waiting() == []
    register.run()
    assert register.waiting() == []
    register.link_anew()
    assert register.waiting() == []
    register.take_back(number)
    assert register.waiting("possible_link") == [pair]


def test_a_pair_that_nobody_could_tell_comes_back_when_its_values_change(
    register: Reviewed,
) -> None:
    ((one, other),) = register.waiting("possible_link")
    register.say("cannot_tell", one, other)
    register.load_people(with_values(("clinic", "3"), surname="Malik"))
    assert [set(pair) for pair in register.waiting()] == [{one, other}]
    assert register.queue()[0].kind == "changed_values"


def test_the_queue_says_how_alike_a_pair_is_in_words_and_bits(register: Reviewed) -> None:
    (item,) = register.queue()
    assert item.weight is not None
    assert item.probability == pytest.approx(1 / (1 + 2**-item.weight))
    assert "date of birth is the same" in item.reasons
    # The clinic's own two records may be one child, so neither is the other's rival.
    assert item.rival is False
    assert (item.conflict, item.decision) == (None, None)


def test_pages_of_the_queue_are_the_whole_queue(register: Reviewed) -> None:
    register.load_people([*PEOPLE, *MANY])
    register.say("match", SCHOOL, NOAH)
    register.load_people([*with_values(NOAH, forename="Noa"), *MANY])
    register.holds_each_child_once("clinic")
    register.say("match", ("clinic", "3"), ("clinic", "1"))
    everything = register.queue()
    assert [item.kind for item in everything[:2]] == ["held_twice", "changed_values"]
    assert len(everything) > 4
    turns = [item.place for item in everything if item.kind == "possible_link"]
    assert turns == sorted(turns), "what a decision is worth, the most first"
    pages, after = [], None
    while page := register.queue(limit=2, after=after):
        pages += page
        after = page[-1].place
    assert pages == everything
    assert register.counts() == {
        "conflicts": sum(item.conflict is not None for item in everything),
        "changed_values": 1,
        "possible_link": len(turns),
    }


# Other children, each of whom the clinic may hold under another name or birthday.
MANY = [
    {"source": source, "record_id": str(number), "forename": f, "surname": s, "date_of_birth": d}
    for number, *sides in (
        (11, ("Isobel", "Barlow", "2012-03-07"), ("Isabel", "Barlowe", "2012-07-03")),
        (12, ("Jonathan", "Peters", "2012-05-17"), ("Jack", "Peters", "2012-05-17")),
        (13, ("Megan", "Cray", "2012-04-19"), ("Megan", "Holt", "2012-04-19")),
        (14, ("Sadie", "Wyld", "2011-02-03"), ("Sady", "Wylde", "2011-03-02")),
    )
    for source, (f, s, d) in zip(("school", "clinic"), sides, strict=True)
]


def test_a_match_that_holds_again_waits_for_the_next_run(register: Reviewed) -> None:
    """What parted the two is taken back: nothing is in conflict."""
    match = register.say("match", AISHA[0], UNSURE)
    parted = register.say("non_match", AISHA[0], UNSURE)
    register.take_back(parted, run=False)

    def became() -> str:
        with reading(register.engine) as connection:
            return standings(connection, [match])[match]

    assert became() == WAITS
    register.run()
    assert became() == HOLDS

"""What reviewers are handed, shown and refused: leases, changes, second answers, known pairs."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select, update

from api.db.engine import reading, writing
from api.db.models import (
    Decision,
    Golden,
    Job,
    Pair,
    RecordVersion,
    ReviewAnswer,
    ReviewLease,
)
from api.rest.service import Service, opened
from api.services.access.accounts import add_person
from api.services.access.roles import Role
from api.services.access.signing_in import start_sign_in
from api.services.review import leases
from api.services.review.known import mark_known
from api.web.text import marked
from matcher.rules.review import draw_of
from tests.applications import as_shipped, lent
from tests.databases import Databases
from tests.register_service.registers import Key, shipped
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, UNSURE, Reviewed, reviewed
from tests.review.desk import UNSURE_PEOPLE, unsure
from tests.web.conftest import token_in

HOUR_AGO = -60


@dataclass
class Reviewing:
    """A browser without script of somebody who reviews."""

    client: TestClient
    name: str
    service: Service
    forms: dict[str, str] = field(default_factory=dict)

    def get(self, address: str) -> Any:
        """A page; what its forms carry is kept."""
        answer = self.client.get(address)
        for name in ("token", "etag", "state"):
            found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
            if found is not None:
                self.forms[name] = html.unescape(found[1])
        return answer

    def post(self, address: str, **values: str) -> Any:
        """What a form of the page that was got last sends."""
        return self.client.post(address, data={**self.forms, **values})

    def take(self, address: str = "/review/next") -> str:
        """The address of the pair that is handed out, which is looked at."""
        where: str = self.post(address).headers["location"]
        self.get(where)
        return where

    def answer(self, where: str, kind: str, why: str = "a test") -> Any:
        return self.post(f"{where}/answer", kind=kind, why=why)

    def let_expire(self) -> None:
        """Have the lease be over."""
        with writing(self.service.aside) as beside:
            lease = leases.in_hand(beside, self.name, datetime.now(UTC))
            assert lease is not None
            leases.renew(beside, lease, now=datetime.now(UTC), minutes=HOUR_AGO)


Sit = Callable[..., Reviewing]


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    """In which several pairs wait."""
    with reviewed(databases, tmp_path, UNSURE_PEOPLE) as found:
        yield found


@pytest.fixture
def application(register: Reviewed) -> Iterator[FastAPI]:
    with opened(register.engine, shipped()) as service, lent(as_shipped, service) as found:
        yield found


@pytest.fixture
def sit(application: FastAPI) -> Iterator[Sit]:
    """Signs somebody in: ``sit("anna", Role.REVIEWER)``."""
    with ExitStack() as stack:

        def sit_(name: str, role: Role = Role.REVIEWER) -> Reviewing:
            service, now = application.state.service, datetime.now(UTC)
            with writing(service.engine) as connection:
                person = add_person(
                    connection, name, roles=[role], purposes=("early_years",), by="test", now=now
                )
            token = start_sign_in(service.aside, person, name, now=now).token
            client = TestClient(application, follow_redirects=False, cookies={"sign-in": token})
            stack.enter_context(client)
            client.headers["X-CSRF-Token"] = token_in(client.get("/account").text)
            return Reviewing(client, name, service)

        yield sit_


def contradict(register: Reviewed) -> None:
    """Three decisions that cannot all be followed: two people must settle it."""
    register.say("match", AISHA[0], UNSURE, run=False)
    register.say("match", AISHA[0], AISHA[1], run=False)
    register.say("non_match", AISHA[1], UNSURE)


def one_that_waits(register: Reviewed) -> tuple[Key, Key]:
    """A possible link of the queue; not that of Aisha."""
    return next(pair for pair in register.waiting() if UNSURE not in pair)


def text_of(answer: Any) -> str:
    """What is read of a page."""
    shown = re.sub(r"<[^>]*>", " ", answer.text.split("<main", 1)[1])
    return " ".join(html.unescape(shown).split())


def test_two_reviewers_at_once_never_get_the_same_pair(sit: Sit) -> None:
    anna, ben = sit("anna"), sit("ben")
    seen: list[str] = []
    for _ in range(4):
        pairs = [anna.take(), ben.take()]
        assert pairs[0] != pairs[1]
        seen += pairs
        assert anna.post(f"{pairs[0]}/skip").status_code == 303
        assert ben.answer(pairs[1], "match").status_code == 303
    assert ben.get(anna.take()).status_code == 409


def test_the_same_pair_is_handed_out_until_it_is_answered(sit: Sit) -> None:
    anna = sit("anna")
    assert anna.take() == anna.take()


def test_a_pair_that_somebody_has_cannot_be_taken(sit: Sit) -> None:
    anna, ben = sit("anna"), sit("ben")
    refused = ben.post(f"{anna.take()}/take")
    assert refused.status_code == 409
    assert "Somebody else has this pair now" in text_of(refused)


def test_why_somebody_does_not_have_a_pair_is_said(sit: Sit, register: Reviewed) -> None:
    anna = sit("anna")
    pair = anna.take()
    assert anna.post(f"{pair}/skip").status_code == 303
    skipped = anna.get(pair)
    assert "You skipped this pair" in text_of(skipped)
    assert "It still waits for an answer" in text_of(skipped) and "Take it, if" in skipped.text
    other = anna.take()
    assert other != pair
    assert anna.post(f"{pair}/take").status_code == 303
    gone = text_of(anna.get(other))
    assert "You have another pair now" in gone and "Go to the pair that you have" in gone
    ben = sit("ben")
    never = ben.get(other)
    assert "You do not have this pair" in text_of(never)
    assert "You have not taken it, you gave it back" in text_of(never)
    register.load_people(PEOPLE[:1])
    settled = ben.get(other)
    assert "It does not wait for you any more" in text_of(settled)
    assert "Take it, if" not in settled.text


def test_where_nothing_is_handed_out_what_is_listed_all_the_same_is_said(sit: Sit) -> None:
    anna, ben = sit("anna"), sit("ben")
    held = anna.take()
    nothing = "Nothing more waits for you here. Your list still has 1 pair"
    where = ben.take()
    while where != "/review":
        following = ben.get(ben.answer(where, "match").headers["location"])
        assert following.status_code == 200
        where = ben.post("/review/next").headers["location"]
        shown = ben.get(where)
    assert f"{nothing} in somebody else's hand." in text_of(shown)
    assert anna.post(f"{held}/release").status_code == 303
    assert ben.take() == held
    assert ben.post(f"{held}/skip").headers["location"] == "/review"
    assert f"{nothing} that you skipped." in text_of(ben.get("/review"))


def test_a_reviewer_is_told_how_many_pairs_wait_in_their_own_list(
    sit: Sit, register: Reviewed
) -> None:
    more = [("Amina", "Akhtar", "2011-03-14"), ("Khadija", "Mirza", "2012-09-21"),
            ("Safiya", "Bashir", "2014-02-02"), ("Yusra", "Latif", "2015-06-30")]  # fmt: skip
    added = [one for number, girl in enumerate(more, 11) for one in unsure(number, *girl)]
    register.load_people([*UNSURE_PEOPLE, *added])
    assert sum(register.counts().values()) > 10
    anna = sit("anna")
    kept = anna.answer(anna.take(), "match").headers["location"]
    assert "At least 10 pairs wait in your list." in text_of(anna.get(kept))
    for _ in range(2):
        assert anna.post(f"{anna.take()}/refer", why="twins?").status_code == 303
    # What senior reviewers must settle is none of hers.
    assert "Fewer than 10 pairs wait in your list." in text_of(anna.get(kept))


def test_a_lease_that_expires_returns_the_pair(sit: Sit) -> None:
    anna, ben = sit("anna"), sit("ben")
    pair = anna.take()
    anna.let_expire()
    assert ben.take() == pair
    late = anna.answer(pair, "match")
    assert late.status_code == 409
    assert "Somebody else has this pair now" in text_of(late)
    assert "Take it, if it still waits" not in text_of(late)
    assert ben.answer(pair, "non_match").status_code == 303
    gone = anna.get(pair)
    assert gone.status_code == 409
    assert "Somebody has decided this pair" in text_of(gone)
    assert "ben said not a match" in text_of(gone) and "Reason: a test" in text_of(gone)
    assert "You have answered this pair" in text_of(ben.get(pair))


@pytest.mark.parametrize("act", ["answer", "refer"])
def test_a_reason_for_a_pair_that_was_lost_is_given_back(sit: Sit, act: str) -> None:
    anna, ben = sit("anna"), sit("ben")
    pair = anna.take()
    anna.let_expire()
    assert ben.take() == pair
    late = anna.post(f"{pair}/{act}", kind="match", why="<b>One girl</b>,\r\ntwo surnames")
    assert late.status_code == 409
    assert "Somebody else has this pair now" in text_of(late)
    assert "<b>One girl</b>, two surnames" in text_of(late)
    assert "<b>" not in late.text and "line feed" not in late.text
    for without in (anna.post(f"{pair}/{act}", kind="match", why=" "), anna.get(pair)):
        assert without.status_code == 409 and "reason" not in text_of(without)


def test_a_lease_lasts_anew_when_it_is_asked_for(sit: Sit) -> None:
    anna, ben = sit("anna"), sit("ben")
    pair = anna.take()
    anna.let_expire()
    assert anna.post(f"{pair}/renew").headers["location"] == pair
    assert ben.take() != pair


def test_a_pair_that_was_decided_meanwhile_is_refused_with_who_decided(
    sit: Sit, register: Reviewed
) -> None:
    anna = sit("anna")
    pair = anna.take(f"/review/pairs/{_pair(register, *one_that_waits(register))}/take")
    register.say("non_match", *one_that_waits(register), run=False)
    refused = anna.answer(pair, "match")
    assert refused.status_code == 412
    assert "Somebody has decided on the pair" in text_of(refused)
    assert "reviewer said not a match" in text_of(refused)
    assert _answers(register) == []


def test_a_pair_whose_values_changed_is_refused_with_what_they_were_and_are(
    sit: Sit, register: Reviewed
) -> None:
    anna, ours = sit("anna"), ("clinic", "u101")
    school = next(one for one in register.waiting() if ours in one)
    pair = anna.take(f"/review/pairs/{_pair(register, *school)}/take")
    changed = [
        {**one, "address": "77 New Street", "surname": "Zwolski"}
        if (one["source"], one["record_id"]) == ours
        else one
        for one in UNSURE_PEOPLE
    ]
    register.load_people(changed)
    refused = anna.answer(pair, "match", why="her <aunt> told me\r\nand her school")
    assert refused.status_code == 412
    assert "her <aunt> told me and her school" in text_of(refused)
    assert "line feed" not in refused.text
    told = text_of(refused)
    assert "Clinic u101 says something else" in told
    assert "Address Empty 77 New Street" in told
    assert "Its weight has moved" not in told
    # The weight moved with the surname, not because of other records or rules.
    assert "Zwolski" in told and "Its weight has moved" not in told
    assert "School" not in told.split("The reason")[0]
    kept = re.search(r'name="why" value="([^"]*)"', refused.text)
    assert kept is not None and html.unescape(kept[1]) == "her <aunt> told me\nand her school"
    again = anna.post(f"{pair}/again", why=html.unescape(kept[1]))
    assert (
        "77 New Street" in again.text
        and "her &lt;aunt&gt; told me\nand her school</textarea>" in again.text
    )
    anna.get(pair)
    assert anna.answer(pair, "match").status_code == 303


def test_an_answer_without_a_reason_says_that_none_was_given(sit: Sit, register: Reviewed) -> None:
    anna = sit("anna")
    pair = anna.take()
    assert "says that no reason was given" in text_of(anna.get(pair))
    anna.answer(pair, "non_match", why="  ")
    assert _answers(register) == [("non_match", "No reason given")]
    with reading(register.engine) as connection:
        assert connection.scalars(select(Decision.why)).all() == ["No reason given"]


def test_a_reason_that_is_too_long_is_refused_beside_its_field_and_stays(
    sit: Sit, register: Reviewed
) -> None:
    long = "x" * 1999 + "\r\n" + "y"
    anna, senior = sit("anna"), sit("sue", Role.SENIOR_REVIEWER)
    pair = anna.take()
    for act in ("answer", "refer"):
        refused = anna.post(f"{pair}/{act}", kind="match", why=long)
        assert refused.status_code == 422
        assert 'href="#why"' in refused.text and "\ny</textarea>" in refused.text
        assert "must be 2,000 characters or fewer" in text_of(refused)
    # Counted as the page counts it: a new line is one character.
    given = anna.post(f"{pair}/answer", kind="match", why=long[1:]).headers["location"]
    assert anna.get(given).status_code == 200
    number = re.findall(r"answers/(\d+)", given)[0]
    kept = anna.post("/review/undo", why=long, number=number)
    assert kept.status_code == 422 and 'href="#undo-why"' in kept.text
    address = f"/review/decisions/{register.say('match', *AISHA[:2], run=False)}/undo"
    assert 'href="#why"' in senior.post(address, why=long, next="/").text
    one, other = one_that_waits(register)
    cluster = f"/review/clusters/{_pair(register, one, other)}"
    moved = {f"to-{_number(register, one)}": register.child(other)}
    senior.forms["state"] = re.findall(
        r'"state" value="(\w+)"', senior.post(cluster, **moved).text
    )[0]
    refused = senior.post(f"{cluster}/confirm", why=long, **moved)
    assert refused.status_code == 422 and 'href="#why"' in refused.text


def test_the_number_of_a_weight_is_for_after_the_answer(sit: Sit, register: Reviewed) -> None:
    anna, senior = sit("anna"), sit("sue", Role.SENIOR_REVIEWER)
    number = re.compile(r"[+−]\d+\.\d")
    for reviewer in (anna, senior):
        assert not number.search(text_of(reviewer.get("/review")))
        told = text_of(reviewer.get("/review")).lower()
        assert "weight" not in told and "threshold" not in told
    pair = anna.take()
    assert not number.search(text_of(anna.get(pair)))
    bench = pair.replace("review", "matching")
    assert not number.search(text_of(anna.get(bench)))
    given = anna.answer(pair, "match").headers["location"]
    told = text_of(anna.get(given))
    assert number.search(told) and "a pair waits for a person" in told
    assert number.search(text_of(anna.get(bench)))
    assert "What is different now" not in told


def test_a_form_that_was_sent_twice_leads_to_the_answer_that_was_kept(sit: Sit) -> None:
    anna = sit("anna")
    pair = anna.take()
    first = anna.answer(pair, "match", why="one girl")
    assert (
        anna.answer(pair, "match", why="one girl").headers["location"]
        == (first.headers["location"])
    )
    assert anna.answer(pair, "non_match", why="one girl").status_code == 409
    assert anna.answer(pair, "match", why="another reason").status_code == 409


def test_an_older_answer_says_where_it_can_be_taken_back(sit: Sit) -> None:
    anna = sit("anna")
    first = anna.answer(anna.take(), "match").headers["location"]
    assert "Undo this answer" in text_of(anna.get(first))
    anna.answer(anna.take(), "match")
    older = anna.get(first)
    assert "You can undo only your latest answer." in text_of(older)
    (record, _) = re.findall(r'href="(/matching/records/\d+)"', older.text)
    assert anna.get(record).status_code == 200


def test_the_weights_of_an_answer_stay_as_they_were_when_it_was_given(
    sit: Sit, register: Reviewed
) -> None:
    anna, (one, other) = sit("anna"), one_that_waits(register)
    given = anna.answer(anna.take(f"/review/pairs/{_pair(register, one, other)}/take"), "match")
    where = given.headers["location"].split("#")[0]
    before = text_of(anna.get(where)).split("What each comparison weighed")[1]
    drawn = anna.get(f"{where}/weights.svg").text
    register.run()
    # The one that gives another postcode.
    changed = one if one[0] == "clinic" else other
    register.load_people(
        [
            {**said, "postcode": ""} if (said["source"], said["record_id"]) == changed else said
            for said in UNSURE_PEOPLE
        ]
    )
    after = text_of(anna.get(where)).split("What each comparison weighed")[1]
    kept, now = after.split("What is different now")
    assert kept.strip() in before
    assert anna.get(f"{where}/weights.svg").text == drawn
    assert "Address" in now


def test_of_a_pair_that_does_not_wait_for_its_weight_no_threshold_is_told(
    sit: Sit, register: Reviewed
) -> None:
    contradict(register)
    anna = sit("anna")
    pair = anna.take("/review/next?kind=contradiction").split("?")[0]
    told = text_of(anna.get(pair))
    assert "other decisions keep them apart" in told
    # All three are named. Two people end it, so each other pair can be answered again.
    clashing = told.split("Decisions that cannot all hold")[1].split("Around this pair")[0]
    assert "To answer Match again changes nothing" in told
    assert clashing.count("Reason:") == 3 and "Two people decide that" in clashing
    assert clashing.count("Answer this pair again") == 2
    assert clashing.count("This is the pair that you are looking at") == 1
    anna.post(f"{pair}/release")
    sure = next(
        ends for ends in (AISHA[:2], AISHA[1:]) if not pair.endswith(_pair(register, *ends))
    )
    drawn = _drawn_for_known()
    with writing(register.engine) as connection:
        mark_known(connection, one=sure[0], other=sure[1], kind="match", by="steward", now=_now())
    ben = sit(drawn)
    known = ben.take()
    given = ben.answer(known, "match").headers["location"].split("#")[0]
    told = text_of(ben.get(given))
    assert "a pair waits for a person" not in told and "over 99.9%" in told
    assert "100.0%" not in told


def test_a_tile_counts_what_its_list_shows(sit: Sit, register: Reviewed) -> None:
    contradict(register)
    anna, sue, sam = (
        sit("anna"), *(sit(name, Role.SENIOR_REVIEWER) for name in ("sue", "sam"))
    )  # fmt: skip
    referred = anna.take("/review/next?kind=possible_link").split("?")[0]
    following = anna.post(f"{referred}/refer", why="two girls").headers["location"]
    anna.get(following)
    assert anna.post(f"{following}/release").status_code == 303
    for reviewer, kind in ((sue, "match"), (sam, "non_match")):
        pair = reviewer.take("/review/next?kind=contradiction").split("?")[0]
        assert reviewer.answer(pair, kind).status_code == 303
    pair = sue.take("/review/next?kind=possible_link").split("?")[0]
    assert sue.answer(pair, "cannot_tell").status_code == 303
    for reviewer, kinds in ((anna, 3), (sue, 5), (sam, 5)):
        tiles = tiles_of(reviewer.get("/review").text)
        assert len(tiles) == kinds
        for address, told in tiles.items():
            listed = reviewer.get(address).text.split("<tbody", 1)
            assert listed[-1].count("<tr") * (len(listed) - 1) == told, address
    assert tiles_of(sue.get("/review").text)["/review?kind=adjudication"] == 1


def tiles_of(page: str) -> dict[str, int]:
    """What each tile leads to, and counts."""
    found = re.findall(r'__number">([\d,]+)\D*?</span>.*?href="([^"]*)"', page, re.DOTALL)
    return {html.unescape(address): int(count.replace(",", "")) for count, address in found}


def test_a_contradiction_that_was_matched_again_says_how_two_people_end_it(
    sit: Sit, register: Reviewed
) -> None:
    contradict(register)
    for name in ("anna", "ben"):
        reviewer = sit(name)
        pair = reviewer.take("/review/next?kind=contradiction").split("?")[0]
        given = reviewer.answer(pair, "match").headers["location"].split("#")[0]
    told = text_of(reviewer.get(given))
    assert "A match of these 2 records is not followed" in told
    assert told.count("Answer this pair again") == 2
    cara = sit("cara")
    assert "Decided: match. It waits until" in text_of(cara.get("/review?kind=contradiction"))
    nobody = cara.post("/review/next?kind=contradiction").headers["location"]
    assert nobody.startswith("/review?")
    apart = f"/review/pairs/{_pair(register, AISHA[1], UNSURE)}"
    assert cara.post(f"{apart}/take").headers["location"] == apart
    cara.get(apart)
    assert cara.answer(apart, "match").status_code == 303
    assert "Decided: match." in text_of(cara.get("/review?kind=contradiction"))
    with reading(register.engine) as connection:
        numbers = connection.scalars(select(Decision.id).order_by(Decision.id)).all()
    senior = sit("sue", Role.SENIOR_REVIEWER)
    refused = senior.post(f"/review/decisions/{numbers[2]}/undo", why="a slip")
    assert refused.status_code == 422 and "that two people settle" in text_of(refused)


def test_two_senior_reviewers_who_differ_are_told_what_each_of_them_can_do(
    sit: Sit, register: Reviewed
) -> None:
    contradict(register)
    sue, sam = (sit(name, Role.SENIOR_REVIEWER) for name in ("sue", "sam"))
    for reviewer, kind in ((sue, "match"), (sam, "non_match")):
        pair = reviewer.take("/review/next?kind=contradiction").split("?")[0]
        given = reviewer.answer(pair, kind).headers["location"].split("#")[0]
        if reviewer is sue:
            first = given
            assert "waits for another reviewer" in text_of(sue.get(given))
            assert "Another reviewer answers too" in text_of(sue.get("/review?kind=conflict"))
    sue.take()
    for reviewer, own in ((sue, first), (sam, given)):
        listed = reviewer.get("/review?kind=adjudication")
        assert "The answers differ, yours among them" in text_of(listed)
        assert f'href="{own}"' in listed.text
        assert "Somebody else gave another answer" in text_of(reviewer.get(own))
    # Not her last one.
    sue.answer(sue.take(), "cannot_tell")
    assert "Undo this answer" in text_of(sue.get(first))
    undone = sue.post("/review/undo", number=first.rsplit("/", 1)[1], why="we talked")
    assert undone.status_code == 303
    assert "conflict" in text_of(sue.get("/review?kind=conflict"))
    again = sue.take("/review/next?kind=contradiction").split("?")[0]
    assert again == pair
    sue.answer(again, "non_match")
    assert "Nothing of this waits" in text_of(sam.get("/review?kind=adjudication"))


def test_an_older_page_does_not_undo_a_later_answer(sit: Sit) -> None:
    anna = sit("anna")
    first = anna.answer(anna.take(), "cannot_tell").headers["location"].split("#")[0]
    anna.answer(anna.take(), "cannot_tell")
    refused = anna.post("/review/undo", number=first.rsplit("/", 1)[1], why="a slip")
    assert refused.status_code == 422 and "another pair since" in text_of(refused)
    for number in ("9" * 30, "-1", "999"):
        assert anna.post("/review/undo", number=number, why="a slip").status_code == 404, number


@pytest.mark.parametrize("answered_before", [False, True])
def test_an_answer_that_is_undone_twice_is_told_to_be_undone_already(
    sit: Sit, answered_before: bool
) -> None:
    anna = sit("anna")
    if answered_before:
        anna.answer(anna.take(), "cannot_tell")
    number = anna.answer(anna.take(), "match").headers["location"].split("#")[0].split("/")[-1]
    assert anna.post("/review/undo", number=number, why="a slip").status_code == 303
    again = anna.post("/review/undo", number=number, why="a slip")
    assert again.status_code == 422
    told = text_of(again)
    assert "There is a problem This answer is undone already" in told
    assert "another pair since" not in told and "You have undone this answer" in told
    assert 'href="#undo-why"' not in again.text, "there is no such field any more"


def undo_on(reviewer: Reviewing, pair: str) -> Any:
    """Take back the last answer by the link on the page of a pair."""
    link = re.search(r'href="(/review/answers/(\d+)[^"#]*)#undo"', reviewer.get(pair).text)
    assert link is not None
    assert 'id="undo"' in reviewer.get(html.unescape(link[1])).text
    return reviewer.post("/review/undo", number=link[2], why="a slip")


def test_the_next_pair_offers_to_undo_the_last_answer_and_that_leads_back_to_its_pair(
    sit: Sit, register: Reviewed
) -> None:
    anna = sit("anna")
    first = anna.take()
    assert "Undo my last answer" not in anna.get(first).text
    anna.answer(first, "match")
    second = anna.take()
    assert second != first
    undone = undo_on(anna, second)
    assert undone.headers["location"] == first
    again = anna.get(first)
    assert again.status_code == 200 and "You can answer the pair again" in again.text
    assert "Undo my last answer" not in again.text
    assert anna.answer(first, "non_match").status_code == 303
    assert _answers(register)[-1] == ("non_match", "a test")
    assert anna.take() == second, "it was given back meanwhile"


def test_an_undone_answer_leads_to_its_pair_after_a_run_too(sit: Sit, register: Reviewed) -> None:
    anna = sit("anna")
    first = anna.take()
    anna.answer(first, "match")
    register.run()
    assert undo_on(anna, anna.take()).headers["location"] == first
    assert anna.get(first).status_code == 200


def test_what_follows_an_undone_answer_does_not_tell_a_known_pair_from_others(
    sit: Sit, register: Reviewed
) -> None:
    with writing(register.engine) as connection:
        mark_known(connection, one=AISHA[0], other=AISHA[1], kind="match", by="steward", now=_now())
    anna = sit(_drawn_for_known())
    known = anna.take()
    assert known.endswith(str(_pair(register, AISHA[0], AISHA[1])))
    anna.answer(known, "non_match")
    assert undo_on(anna, anna.take()).headers["location"] == known
    assert "You can answer the pair again" in anna.get(known).text
    anna.answer(known, "match")
    with reading(register.engine) as connection:
        states = connection.execute(select(ReviewAnswer.state, ReviewAnswer.known)).all()
    assert states == [("void", 1), ("known", 1)]


def test_an_answer_that_can_be_undone_no_more_is_not_offered(sit: Sit, register: Reviewed) -> None:
    anna, sue = sit("anna"), sit("sue", Role.SENIOR_REVIEWER)
    anna.answer(anna.take(), "match")
    second = anna.take()
    assert "Undo my last answer" in anna.get(second).text
    with reading(register.engine) as connection:
        decision = connection.scalar(select(func.max(Decision.id)))
    sue.get("/review")
    sue.forms["csrf"] = token_in(sue.get("/account").text)
    assert sue.post(f"/review/decisions/{decision}/undo", why="a slip").status_code == 303
    assert "Undo my last answer" not in anna.get(second).text


def test_masked_values_show_when_asked_for_and_that_is_logged(sit: Sit) -> None:
    anna = sit("anna")
    pair = anna.take()
    refused = anna.post(f"{pair}/reveal", field="forename")
    assert refused.status_code == 422
    assert "What can be shown is: nhs_number, upn, former_upn" in text_of(refused)
    where = anna.post(f"{pair}/reveal", field="upn").headers["location"]
    assert where == f"{pair}#field-upn"


def test_two_people_decide_without_knowing_and_a_senior_settles_what_differs(
    sit: Sit, register: Reviewed
) -> None:
    contradict(register)
    anna, ben, senior = sit("anna"), sit("ben"), sit("sue", Role.SENIOR_REVIEWER)
    pair = anna.take("/review/next?kind=contradiction")
    first = anna.get(anna.answer(pair.split("?")[0], "match", why="one girl").headers["location"])
    assert "Your answer does not change that" in text_of(first)
    _settle_down(anna)
    assert ben.take("/review/next?kind=contradiction") == pair
    assert "one girl" not in ben.get(pair).text
    assert "anna" not in ben.get(pair).text
    second = ben.get(ben.answer(pair.split("?")[0], "non_match", why="two").headers["location"])
    told = [text_of(one).split("Reason")[0].split("Your answer is")[1] for one in (first, second)]
    assert told[0] == told[1]
    _settle_down(ben)
    assert senior.take("/review/next").split("?")[0] == pair.split("?")[0]
    shown = text_of(senior.get(pair.split("?")[0]))
    assert "anna answered match" in shown and "ben answered not a match" in shown
    assert senior.answer(pair.split("?")[0], "non_match").status_code == 303
    with reading(register.engine) as connection:
        assert connection.scalars(select(Decision.by).order_by(Decision.id.desc())).first() == "sue"
    reviewers = text_of(senior.get("/review/reviewers"))
    assert "anna" in reviewers and "0% (0 of 1), from 0% to 79%" in reviewers
    assert senior.get("/review/reviewers/agreement.svg").text.startswith("<svg")


def test_a_known_pair_looks_like_any_other(sit: Sit, register: Reviewed) -> None:
    drawn = _drawn_for_known()
    with writing(register.engine) as connection:
        mark_known(connection, one=AISHA[0], other=AISHA[1], kind="match", by="steward", now=_now())
    anna, ben = sit(drawn), sit("ben")
    known, other = anna.take(), ben.take()
    assert known.endswith(str(_pair(register, AISHA[0], AISHA[1])))
    pages = [text_of(anna.get(known)), text_of(ben.get(other))]
    beginnings = [re.split(r"\d+:\d\d", page)[0] for page in pages]
    assert beginnings[0] == beginnings[1]
    answers = [
        text_of(one.get(one.answer(pair, "match").headers["location"]))
        for one, pair in ((anna, known), (ben, other))
    ]
    kept = [
        answer.split("The 2 records The two records")[0].split("Your answer")[1:]
        for answer in answers
    ]
    assert kept[0] == kept[1]
    assert "You have answered 1 pair today. Fewer than 10 pairs wait" in kept[0][-1]
    assert all("Postcode" in answer for answer in answers), "what was answered is shown"
    steward = sit("stella", Role.STEWARD)
    assert "1 of 1" in text_of(steward.get("/review/known"))
    assert steward.post("/review/known/1/end").status_code == 303
    assert "Ended" in text_of(steward.get("/review/known"))


def test_the_home_page_leads_senior_reviewers_to_what_waits_for_them(
    sit: Sit, register: Reviewed
) -> None:
    contradict(register)
    anna, senior = sit("anna"), sit("sue", Role.SENIOR_REVIEWER)
    pair = anna.take("/review/next?kind=possible_link").split("?")[0]
    assert anna.post(f"{pair}/refer", why="twins?").status_code == 303
    home = senior.get("/")
    assert "1 referred to senior reviewers 0 with two answers that differ" in text_of(home)
    assert "kind=referred" not in anna.get("/").text
    for kind, listed in (
        ("referred", "Referred to senior reviewers"),
        ("conflict", "Decisions contradict each other"),
    ):
        assert f'href="/review?kind={kind}"' in home.text
        assert listed in text_of(senior.get(f"/review?kind={kind}")).split("Second record")[1]
    assert 'href="/review?kind=conflict"' in anna.get("/").text


def test_a_steward_marks_a_known_pair_and_is_told_what_is_missing(sit: Sit) -> None:
    steward = sit("stella", Role.STEWARD)
    refused = steward.post("/review/known", source_l="school")
    assert refused.status_code == 422
    assert "Enter the id of the first record" in text_of(refused)
    values = {"source_l": "school", "record_id_l": "1", "source_r": "social", "record_id_r": "1"}
    unknown = steward.post("/review/known", **{**values, "record_id_l": "none"}, kind="match")
    assert "School has no record with this id" in unknown.text
    assert steward.post("/review/known", **values, kind="match").status_code == 303
    again = steward.post("/review/known", **values, kind="match")
    assert again.status_code == 422 and "a known one already" in text_of(again)


def test_a_part_of_the_queue_is_kept_to_from_page_to_page(sit: Sit) -> None:
    anna = sit("anna")
    listed = text_of(anna.get("/review?source=school"))
    assert "School 101" in listed and "Start reviewing these" in listed
    pair = anna.take("/review/next?source=school")
    assert pair.endswith("?source=school")
    answered = anna.post(pair.replace("?", "/answer?"), kind="match")
    assert answered.headers["location"].endswith("?source=school#next")
    assert 'action="/review/next?source=school"' in anna.get(answered.headers["location"]).text
    told = text_of(anna.get("/review?source=census"))
    assert "Nothing of this waits for you" in told


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SENIOR_REVIEWER, Role.STEWARD])
def test_nobody_who_decides_is_told_beforehand_what_a_pair_weighs(sit: Sit, role: Role) -> None:
    somebody = sit("sue", role)
    listed = somebody.get("/review?at_least=0")
    told = text_of(listed)
    assert "School 101" in told
    assert "weight" not in told.lower() and "threshold" not in told
    assert 'name="at_least"' not in listed.text and 'href="/review?at_least' not in listed.text
    assert "at_least" not in somebody.take("/review/next?at_least=0")


def test_a_decision_is_taken_back_from_another_page(sit: Sit, register: Reviewed) -> None:
    number = register.say("match", AISHA[0], UNSURE)
    senior, anna = sit("sue", Role.SENIOR_REVIEWER), sit("anna")
    address = f"/review/decisions/{number}/undo"
    refused = anna.post(address, why="no, two girls", next="/children")
    assert refused.status_code == 403 and "two girls" in refused.text
    assert "Only your own latest decision" in text_of(refused) and "senior" in text_of(refused)
    assert "match" not in text_of(refused)
    asked = senior.post(address, why="", next="/children")
    assert asked.status_code == 422 and "Enter a reason" in text_of(asked)
    assert 'name="next" value="/children"' in asked.text
    assert "reviewer said on 1 September" in text_of(asked) and "match" in text_of(asked)
    elsewhere = senior.post(address, why="two girls", next="//elsewhere.example")
    assert elsewhere.headers["location"] == "/"
    assert senior.post(address, why="again", next="/children").status_code == 422


def test_what_differs_is_marked_in_the_value_and_stays_text() -> None:
    found = marked("<b>\u202ea\u200b", [(1, 4), (5, 6)])
    unseen = '<span class="app-unseen">{}</span>'
    assert found == (
        f"<bdi>&lt;<mark>b&gt;{unseen.format('right-to-left override')}</mark>a"
        f"<mark>{unseen.format('zero width space')}</mark></bdi>"
    )


def compared(
    sit: Sit, register: Reviewed, one: dict[str, str], other: dict[str, str]
) -> dict[str, str]:
    """What the page of a pair says of each field, by the field's name."""
    register.load_people([{**PEOPLE[1], **one}, {**PEOPLE[4], **other}])
    with writing(register.engine) as connection:
        mark_known(connection, one=AISHA[0], other=UNSURE, kind="match", by="steward", now=_now())
    anna = sit(_drawn_for_known())
    page = anna.get(anna.take())
    rows = re.findall(
        r'id="field-(\w+)">.*?<span class="app-compare__found">(.*?)</th>', page.text, re.DOTALL
    )
    return {
        name: " ".join(html.unescape(re.sub("<[^>]*>", "", said)).split()) for name, said in rows
    }


def test_what_differs_is_told_in_words_to_who_cannot_see_marks(
    sit: Sit, register: Reviewed
) -> None:
    told = compared(
        sit,
        register,
        {"source": "school", "forename": "Sara", "date_of_birth": "2014-06-30"},
        {"forename": "Sarah", "date_of_birth": "2014-05-30"},
    )
    assert told["forename"].startswith("≠ Differs: h only on the ")
    assert told["date_of_birth"] in (
        "≠ Differs: June on the left and May on the right",
        "≠ Differs: May on the left and June on the right",
    )


def test_a_placeholder_date_is_told_as_what_linking_takes_it_for(
    sit: Sit, register: Reviewed
) -> None:
    told = compared(
        sit,
        register,
        {"source": "school", "date_of_birth": "2017-01-01"},
        {"date_of_birth": "2013-06-30"},
    )
    said, _, where = told["date_of_birth"].partition(": ")
    assert said == "≠ Differs, but linking takes 1 January 2017 as missing"
    assert "1 January 2017 on the " in where and "30 June 2013 on the " in where


def test_only_whoever_answered_sees_their_answer(sit: Sit) -> None:
    anna, ben = sit("anna"), sit("ben")
    where = anna.answer(anna.take(), "match").headers["location"]
    assert anna.get(where).status_code == 200
    assert ben.get(where).status_code == 404
    assert ben.get(where.split("#")[0] + "/weights.svg").status_code == 404


def test_a_change_of_children_that_was_overtaken_is_refused(sit: Sit, register: Reviewed) -> None:
    senior = sit("sue", Role.SENIOR_REVIEWER)
    one, other = one_that_waits(register)
    pair = _pair(register, one, other)
    moved = {f"to-{_number(register, one)}": register.child(other)}
    shown = senior.client.post(f"/review/clusters/{pair}", data=moved)
    state = re.search(r'name="state" value="([^"]*)"', shown.text)
    assert state is not None
    register.say("non_match", one, other, run=False)
    refused = senior.post(f"/review/clusters/{pair}/confirm", state=state[1], why="one", **moved)
    assert refused.status_code == 412 and "have changed since" in text_of(refused)
    nothing = senior.client.post(f"/review/clusters/{pair}", data={})
    assert nothing.status_code == 422 and "Nothing would change" in text_of(nothing)
    for answer in (refused, nothing):
        (field,) = re.findall(r'<a href="#(to-\d+)">', answer.text)
        assert f'id="{field}"' in answer.text
    assert f'href="/review/clusters/{pair}" class="govuk-back-link"' in shown.text
    assert "holds each child once" not in shown.text
    register.holds_each_child_once("clinic")
    own = f"/review/clusters/{_pair(register, AISHA[0], UNSURE)}"
    moved = {f"to-{_number(register, UNSURE)}": register.child(AISHA[0])}
    assert "Clinic holds each child once, and would hold this one twice" in text_of(
        senior.client.post(own, data=moved)
    )


def test_a_pair_that_keeps_records_from_moving_is_named_and_the_choices_stay(
    sit: Sit, register: Reviewed
) -> None:
    contradict(register)
    senior, pair = sit("sue", Role.SENIOR_REVIEWER), _pair(register, AISHA[0], UNSURE)
    where = f"/review/clusters/{pair}"
    nothing = senior.post(where)
    assert nothing.status_code == 422 and "Nothing would change" in text_of(nothing)
    field = f"to-{_number(register, AISHA[1])}"
    refused = senior.post(where, why="two girls", **{field: "new"})
    assert refused.status_code == 422 and "Two people decide" in text_of(refused)
    chosen = refused.text.split(f'name="{field}"')[1].split("</select>")[0]
    assert 'value="new" selected' in chosen and 'value="two girls"' in refused.text
    assert "The pair is Clinic" in text_of(refused)
    (first,) = re.findall(r'action="(/review/pairs/[0-9-]+/take)"', refused.text)
    assert senior.post(first).headers["location"] == first.removesuffix("/take")
    moves = senior.post(where, **{f"to-{_number(register, AISHA[2])}": "new"})
    assert moves.status_code == 200


def test_children_of_one_name_are_told_apart_where_records_are_moved(
    sit: Sit, register: Reviewed
) -> None:
    senior = sit("sue", Role.SENIOR_REVIEWER)
    where = f"/review/clusters/{_pair(register, AISHA[0], NOAH)}"
    her, other = register.child(AISHA[0]), register.child(NOAH)
    with writing(register.engine) as connection:
        connection.execute(
            update(Golden).where(Golden.child == other).values(forename="Aisha", surname="Malik")
        )
    shown = senior.get(where)
    legend = shown.text.split('id="children"')[1].split("</dl>")[0]
    legend = re.sub("<[^>]*>", "", legend)
    assert legend.count("Aisha Malik") == 2
    for told in ("born 3 May 2014", "born 20 November 2011", her, other):
        assert told in legend
    moved = senior.post(where, **{f"to-{_number(register, AISHA[2])}": other})
    assert f": Aisha Malik, born 20 November 2011 ({other})" in text_of(moved)


def test_records_that_linking_would_add_to_those_that_move_are_told_before_it_is_confirmed(
    sit: Sit, register: Reviewed
) -> None:
    register.holds_each_child_once("clinic")
    register.say("match", AISHA[2], UNSURE)
    senior, moved = sit("sue", Role.SENIOR_REVIEWER), f"to-{_number(register, AISHA[2])}"
    told = "would be linked to this child too: A new child"
    with_hers, with_his = (_pair(register, UNSURE, one) for one in (AISHA[0], NOAH))
    shown = senior.post(f"/review/clusters/{with_his}", **{moved: "new"})
    assert f"2 records of other children {told}" in text_of(shown)
    assert told not in text_of(senior.post(f"/review/clusters/{with_hers}", **{moved: "new"}))


def test_what_was_answered_is_linked_by_the_next_run(sit: Sit, register: Reviewed) -> None:
    anna, (one, other) = sit("anna"), one_that_waits(register)
    pair = anna.take(f"/review/pairs/{_pair(register, one, other)}/take")
    anna.answer(pair, "match")
    with reading(register.engine) as connection:
        assert connection.scalars(select(Job.kind)).all() == ["link"]
    register.run()
    assert register.together(one, other)


def _drawn_for_known() -> str:
    """Somebody whose first pair is of known answer, if there is any."""
    share = shipped().book.review.known_share
    return next(name for n in count() if draw_of(name := f"anna-{n}", 0) < share)


def _now() -> datetime:
    return datetime.now(UTC)


def _number(register: Reviewed, key: tuple[str, str]) -> int:
    with reading(register.engine) as connection:
        return register.ids(connection)[key]


def _pair(register: Reviewed, one: tuple[str, str], other: tuple[str, str]) -> str:
    low, high = sorted((_number(register, one), _number(register, other)))
    return f"{low}-{high}"


def _answers(register: Reviewed) -> list[tuple[str, str]]:
    with reading(register.engine) as connection:
        return [
            tuple(row)
            for row in connection.execute(
                select(ReviewAnswer.kind, ReviewAnswer.why).order_by(ReviewAnswer.id)
            )
        ]


def _settle_down(reviewer: Reviewing) -> None:
    """Let the seconds pass in which an answered pair is nobody's yet."""

    with writing(reviewer.service.aside) as beside:
        beside.execute(delete(ReviewLease).where(ReviewLease.by == reviewer.name))


def test_what_the_systems_around_two_records_say_has_a_name_that_says_it(
    sit: Sit, register: Reviewed
) -> None:
    anna = sit("anna", Role.STEWARD)
    pair = f"{_pair(register, AISHA[0], AISHA[1])}".split("-")
    with writing(register.engine) as connection:
        l, r = Pair.l.in_(map(int, pair)), Pair.r.in_(map(int, pair))
        connection.execute(update(Pair).where(l, r).values(company=4.0))
    why = text_of(anna.get(f"/children/{register.child(AISHA[0])}/why"))
    assert "Systems that hold only one If these were two children, systems that" in why
    where = anna.take()
    anna.answer(where, "cannot_tell")
    with writing(register.engine) as connection:
        kept = dict(connection.execute(select(ReviewAnswer.weighed)).scalar_one())
        connection.execute(update(ReviewAnswer).values(weighed={**kept, "company": 4.0}))
    shown = text_of(anna.get("/review/answers/1"))
    assert "Systems that hold only one If these were two children" in shown
    assert "Company" not in why + shown


def test_how_long_a_reason_may_be_is_written_in_one_way(sit: Sit) -> None:
    anna = sit("anna")
    where = anna.take()
    assert "You can enter up to 2,000 characters" in anna.get(where).text
    long = anna.answer(where, "match", why="a" * 2001)
    assert "2,000 characters or fewer" in long.text and "2000 char" not in long.text


def test_a_field_that_may_not_be_seen_says_so_to_whoever_looks(
    sit: Sit, register: Reviewed
) -> None:
    with writing(register.engine) as connection:
        connection.execute(update(RecordVersion).values(upn="B207000016049"))
    anna = sit("anna")
    told = text_of(anna.get(anna.take()))
    assert "UPN You cannot see this for your purpose, or for this child" in told

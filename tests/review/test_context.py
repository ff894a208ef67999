"""What a reviewer is shown of a pair, and what not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from api.db.engine import reading
from api.services.review import revealing
from api.services.review.context import Context
from api.services.review.differences import differing_spans, same
from api.services.review.leases import Lease
from api.services.review.names import differing_words
from api.services.review.pairs import UnknownPairError
from api.services.review.seen import Field
from api.services.review.surroundings import Kinship
from api.services.review.weights import weights_of
from tests.databases import Databases
from tests.register_service.reviewed import AISHA, PEOPLE, UNSURE, reviewed
from tests.review.desk import SOURCES, Desk, person, rules, viewer

ANNA = person("anna")

# The unsure record beside a child with a twin, in a family of three.
_HOME = {"surname": "Malik", "sex": "F", "address": "2 Mill Rd", "postcode": "OL1 1AA"}
FAMILY = [
    *PEOPLE,
    {"source": "census", "record_id": "7", "forename": "Sana", "date_of_birth": "2014-05-03",
     **_HOME},
    {"source": "census", "record_id": "8", "forename": "Yusuf", "date_of_birth": "2014-05-03",
     **_HOME, "sex": "M"},
]  # fmt: skip


@pytest.fixture
def family(databases: Databases, tmp_path: Path) -> Iterator[Desk]:
    people = [{**one, "nhs_number": "9434765919"} if one["record_id"] == "3" else one
              for one in FAMILY]  # fmt: skip
    with reviewed(databases, tmp_path, people) as register:
        found = Desk(register)
        yield found
        found.close()


def shown(desk: Desk, reviewer: object = ANNA) -> Context:
    return desk.context(reviewer, unsure(desk, reviewer))  # type: ignore[arg-type]


def unsure(desk: Desk, reviewer: object = ANNA) -> Lease:
    return desk.take_one_of(reviewer, UNSURE)  # type: ignore[arg-type]


def field(context: Context, name: str) -> Field:
    (found,) = [one for one in context.fields if one.name == name]
    return found


@pytest.mark.parametrize(
    ("one", "other", "spans"),
    [
        ("Aisha", "AISHA", ((), ())),
        ("Mohammed", "Muhammad", (((1, 2), (6, 7)), ((1, 2), (6, 7)))),
        ("Begum", "Malik", (((0, 5),), ((0, 5),))),
        ("O'Brien", "OBrien", (((1, 2),), ())),
        ("Strauß", "Strauss", ((), ())),
        ("2014-05-03", "2014-05-04", (((8, 10),), ((8, 10),))),
        ("OL1 1AA", "OL1 1AB", (((6, 7),), ((6, 7),))),
        ("65 Austin Street, Oldham", "135 STATION AVENUE, OLDHAM", (((0, 16),), ((0, 18),))),
        (
            "2 Mill Street, Oldham",
            "2 Mill Streat, Lees",
            (((11, 12), (15, 21)), ((11, 12), (15, 19))),
        ),
    ],
)
def test_differences_are_marked_inside_the_value(one: str, other: str, spans: object) -> None:
    assert differing_spans(one, other) == spans


def test_both_records_stand_side_by_side_with_their_differences(family: Desk) -> None:
    context = shown(family)
    assert {context.l.key, context.r.key} >= {UNSURE}
    assert field(context, "forename").comparison == "same"
    surname = field(context, "surname")
    assert surname.comparison == "different"
    assert surname.l.spans
    assert surname.r.spans
    assert field(context, "postcode").comparison == "one_sided"
    assert context.reasons
    assert context.weight is not None


@pytest.mark.parametrize(
    ("one", "other", "spans"),
    [
        ("KHAN, Aisha", "Ayesha Khan", (((7, 8),), ((1, 3),))),
        ("Mohammed Rayan Khan", "Rayan Khan", (((0, 8),), ())),
        ("Haaris Ali", "Muhammad Ali Noor", (((0, 6),), ((0, 8), (13, 17)))),
        # Only the order differs.
        ("Aisha Noor", "Noor Aisha", (((0, 10),), ((0, 10),))),
    ],
)
def test_names_are_compared_word_by_word(one: str, other: str, spans: object) -> None:
    assert differing_words(one, other) == spans


@pytest.mark.parametrize(
    ("name", "comparison", "marked"),
    [("MALIK, Aisha", "same", []), ("Aysha Malik", "different", ["y"]), ("Malik", "different", [])],
)
def test_a_name_in_one_field_is_beside_one_in_parts_as_linking_compares_them(
    desk: Desk, name: str, comparison: str, marked: list[str]
) -> None:
    whole = {**PEOPLE[3], "record_id": "5", "name": name}
    del whole["forename"], whole["surname"]
    desk.register.load_people([PEOPLE[3], whole])
    pair = desk.pair(AISHA[0], ("census", "5"))
    desk.know(AISHA[0], ("census", "5"), "match")
    desk.rules = rules(known_share=1.0)
    lease = desk.take(ANNA)
    assert lease.pair == pair
    context = desk.context(ANNA, lease)
    names = [one.name for one in context.fields]
    assert names[0] == "name" and "forename" not in names and "surname" not in names
    found = field(context, "name")
    (mine, theirs) = (found.l, found.r) if context.r.key in AISHA else (found.r, found.l)
    assert (mine.text, theirs.text) == (name, "Aisha Malik")
    assert found.comparison == comparison
    assert [mine.text[start:end] for start, end in mine.spans] == marked


@pytest.mark.parametrize(
    ("name", "other", "marked", "counted"),
    [
        (("Muhammad Ali", "Khan"), ("Ali", "Khan"), ["Muhammad"], False),
        (("Amina", "Khatun Khan"), ("Amina", "Khan"), ["Khatun"], False),
        (("Ali", "Ul Haq"), ("Ali", "Haq"), ["Ul "], True),
        (("Lily-Grace", "Lees"), ("Lily", "Lees"), ["-Grace"], True),
        (("Ayesha", "Khan"), ("Aisha", "Khan"), ["ye"], True),
        (("Md Ali Khan",), ("Muhammad Ali", "Khan"), ["Md"], False),
        (("Muhammad Ali Khan",), ("Ali", "Khan"), ["Muhammad"], False),
        (("Md Ali Khan",), ("Muhammad Ali", "Quill"), ["Md", "Khan"], True),
        (("Amina O'Brien",), ("Amina", "OBrien"), [], True),
    ],
)
def test_a_name_that_differs_in_a_prefix_only_is_marked_and_said_not_to_count(
    desk: Desk,
    name: tuple[str, ...],
    other: tuple[str, ...],
    marked: list[str],
    counted: bool,
) -> None:
    def person(source: str, key: str, names: tuple[str, ...]) -> dict[str, str]:
        parts = ("name",) if len(names) == 1 else ("forename", "surname")
        own = {"source": source, "record_id": key, **dict(zip(parts, names, strict=True))}
        return {**PEOPLE[3], "forename": "", "surname": "", **own}

    desk.register.load_people([person("school", "1", other), person("census", "5", name)])
    desk.know(("school", "1"), ("census", "5"), "match")
    desk.rules = rules(known_share=1.0)
    context = desk.context(ANNA, desk.take(ANNA))
    differs = [one for one in context.fields if one.comparison == "different"]
    assert len(differs) == bool(marked)
    assert all(one.counted == counted for one in differs)
    for one in differs:
        mine = one.l if context.l.key == ("census", "5") else one.r
        assert mine.text is not None
        assert [mine.text[start:end] for start, end in mine.spans] == marked


@pytest.mark.parametrize(
    ("name", "one", "other", "missing"),
    [
        ("date_of_birth", "2017-01-01", "2014-05-03", ("2017-01-01",)),
        ("date_of_birth", "2017-01-01", "2017-01-01", ("2017-01-01", "2017-01-01")),
        ("date_of_birth", "2017-01-02", "2014-05-03", ()),
        ("forename", "Baby", "Aisha", ("Baby",)),
        ("forename", "Bobby", "Aisha", ()),
        ("postcode", "ZZ99 3VZ", "OL1 1AA", ("ZZ99 3VZ",)),
        ("address", "No fixed abode", "2 Mill Rd", ("No fixed abode",)),
    ],
)
def test_a_placeholder_is_told_to_be_as_good_as_missing(
    desk: Desk, name: str, one: str, other: str, missing: tuple[str, ...]
) -> None:
    mine, its = {**PEOPLE[3], "record_id": "5", name: one}, {**PEOPLE[0], name: other}
    desk.register.load_people([mine, its])
    desk.know(AISHA[0], ("census", "5"), "match")
    desk.rules = rules(known_share=1.0)
    found = field(desk.context(ANNA, desk.take(ANNA)), name)
    assert found.missing == missing
    assert found.counted == (not missing or one == other)
    desk.rules = rules(known_share=1.0, masked=[name])
    hidden = field(desk.context(ANNA, desk.take(ANNA)), name)
    assert hidden.missing == () and hidden.counted


def test_a_name_that_may_be_seen_in_part_only_is_not_told_as_a_whole(desk: Desk) -> None:
    whole = {**PEOPLE[3], "record_id": "5", "name": "Aisha Malik"}
    del whole["forename"], whole["surname"]
    desk.register.load_people([PEOPLE[3], whole])
    desk.know(AISHA[0], ("census", "5"), "match")
    desk.rules = rules(known_share=1.0)
    limited = person("limited", view=viewer(SOURCES, surname={"education"}))
    context = desk.context(limited, desk.take(limited))
    assert field(context, "surname").withheld
    assert "Malik" not in repr(field(context, "forename"))


def test_a_refused_link_says_which_system_would_hold_the_child_twice(desk: Desk) -> None:
    also = ("clinic", "4")
    desk.register.load_people([*PEOPLE, {**PEOPLE[1], "record_id": "4", "address": "9 Dale Rd"}])
    desk.register.holds_each_child_once("clinic")
    desk.register.say("match", AISHA[0], AISHA[1])
    desk.register.say("match", AISHA[2], also)
    lease = desk.take(ANNA, kind="refused_link")
    (twice,) = desk.context(ANNA, lease).twice
    assert twice.source == "clinic"
    assert {*twice.l, *twice.r} == {AISHA[1], also}
    partial = person("partial", view=viewer(set(SOURCES) - {"clinic"}))
    waits = [one.pair for one in desk.waiting(partial)]
    if lease.pair in waits:
        desk.release(lease)
        (hidden,) = desk.context(partial, desk.take(partial, kind="refused_link")).twice
        assert (hidden.source, hidden.l, hidden.r) == (None, (), ())


def test_a_referred_conflict_still_says_why_it_is_one(desk: Desk) -> None:
    register = desk.register
    register.load_people([*PEOPLE, {**PEOPLE[1], "record_id": "4", "address": "9 Dale Rd"}])
    register.holds_each_child_once("clinic")
    register.say("match", AISHA[0], AISHA[1])
    register.say("match", AISHA[2], ("clinic", "4"))
    lease = desk.take(ANNA, kind="refused_link")
    before = desk.context(ANNA, lease)
    desk.refer(ANNA, lease)
    desk.wait(minutes=1)
    senior = person("senior", senior=True)
    again = desk.context(senior, desk.take(senior))
    assert (again.kind, again.waits_as) == ("referred", "refused_link")
    assert again.twice == before.twice != ()


def test_the_other_records_of_the_child_stand_beside_it(family: Desk) -> None:
    context = shown(family)
    (side,) = [one for one in (context.l, context.r) if one.key in AISHA]
    assert {one.key for one in side.fellows} == set(AISHA) - {side.key}


def test_twins_are_flagged(family: Desk) -> None:
    context = shown(family)
    (side,) = [one for one in (context.l, context.r) if one.key in AISHA]
    assert {(one.key, str(one.why)) for one in side.kin} == {
        (("census", "7"), "twin"),
        (("census", "8"), "twin"),
    }


def test_a_pair_that_looks_like_twins_says_so_itself(family: Desk) -> None:
    twins = family.context(ANNA, family.take_one_of(ANNA, ("census", "7")))
    assert {twins.l.key[0], twins.r.key[0]} & {"census"}
    assert twins.cautions == (
        "another forename with the same surname, birthday and address, as twins have",
    )
    assert set(twins.cautions) < set(twins.reasons)


def test_a_twin_among_the_records_of_its_child_is_flagged_there(family: Desk) -> None:
    family.register.say("match", AISHA[0], ("census", "7"))
    context = shown(family)
    (side,) = [one for one in (context.l, context.r) if one.key in AISHA]
    assert {one.key: one.why for one in side.fellows}["census", "7"] == "twin"
    assert [one.key for one in side.kin] == [("census", "8")]


def test_the_same_address_is_one_home_without_a_postcode() -> None:
    one = {"forename": "Aisha", "surname": "Malik", "date_of_birth": "2014-05-03",
           "address": "2 Mill Rd"}  # fmt: skip
    assert Kinship.of(one, one | {"forename": "Sana"}, shares_family=False) is Kinship.TWIN
    away = one | {"forename": "Sana", "address": "3 Mill Rd"}
    assert Kinship.of(one, away, shares_family=False) is None


def test_masked_values_show_once_they_are_asked_for(family: Desk) -> None:
    lease = unsure(family)
    masked = field(family.context(ANNA, lease), "nhs_number")
    assert {masked.l.text, masked.r.text} == {None}
    assert masked.l.masked
    lease = revealing.reveal(
        family.aside, family.rules, ANNA, lease.pair, fields=["nhs_number"],
        token=lease.token, now=family.now,
    )  # fmt: skip
    assert field(family.context(ANNA, lease), "nhs_number").l.text == "9434765919"
    # Also for who looks again, but not for the next who has the pair.
    assert family.take(ANNA).revealed == {"nhs_number"}
    family.release(lease)
    assert unsure(family, person("ben")).revealed == set()


def test_of_a_shielded_child_no_place_is_shown_nor_whether_it_agrees(family: Desk) -> None:
    family.register.shield(AISHA[0])
    context = shown(family)
    assert context.location_hidden
    for name in ("address", "postcode"):
        hidden = field(context, name)
        assert (hidden.comparison, hidden.l.text, hidden.r.text) == (None, None, None)
        assert hidden.withheld
    assert "2 Mill Rd" not in repr(context)
    assert not context.l.kin
    assert not context.r.kin


def test_who_is_cleared_is_shown_the_place(family: Desk) -> None:
    family.register.shield(AISHA[0])
    cleared = person("cleared", view=viewer(cleared=True))
    assert "2 Mill Rd" in repr(shown(family, cleared))


def test_pairs_of_sources_that_may_not_be_seen_are_nobodys_to_review(family: Desk) -> None:
    partial = person("partial", view=viewer(("registry", "school", "social", "census")))
    assert family.waiting(partial) == []
    assert family.next(partial) is None
    with pytest.raises(UnknownPairError):
        family.context(partial, unsure(family))


def test_a_field_for_other_purposes_is_withheld(family: Desk) -> None:
    limited = person("limited", view=viewer(SOURCES, surname={"education"}))
    context = shown(family, limited)
    assert field(context, "surname").withheld
    assert "Begum" not in repr(context.fields)


def test_a_severed_record_stands_beside_nothing(family: Desk) -> None:
    family.register.sever([("census", "7")], [UNSURE])
    context = shown(family)
    assert ("census", "7") not in {one.key for side in (context.l, context.r) for one in side.kin}


def test_the_weights_add_up_to_the_weight_in_the_queue(family: Desk) -> None:
    lease = unsure(family)
    with reading(family.register.engine) as connection:
        found = weights_of(connection, ANNA, lease.pair)
    assert found is not None
    total = found.prior + found.company + sum(part.weight or 0.0 for part in found.parts)
    assert total == pytest.approx(found.weight)
    assert found.weight == pytest.approx(family.context(ANNA, lease).weight)


def test_a_pair_takes_the_same_number_of_queries_whatever_stands_around_it(
    family: Desk, desk: Desk
) -> None:
    counts = []
    for one in (family, desk):
        lease = unsure(one)
        asked: list[str] = []
        event.listen(one.register.engine, "before_cursor_execute",
                     lambda *told, asked=asked: asked.append(told[2]))  # fmt: skip
        one.context(ANNA, lease)
        counts.append(len([text for text in asked if text.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 20


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("OL44BZ", "OL4 4BZ", True),
        ("943 476 5919", "9434765919", True),
        ("OL4 4BZ", "OL4 4BX", False),
        ("Flat 1 12 High St", "Flat 11 2 High St", False),
        ("Mary  Ann", "mary ann", True),
        ("Mary Ann", "Maryann", False),
    ],
)
def test_a_code_is_the_same_with_and_without_space_inside(
    one: str, other: str, alike: bool
) -> None:
    assert same(one, other) is alike
    assert (differing_spans(one, other) == ((), ())) is alike

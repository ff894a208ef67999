"""Quality by group: counted rightly, nothing told without a basis, nothing small told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine, select

from api.db.engine import open_database, reading, writing
from api.db.models import Golden, Membership, Pair, PostcodeDeprivation, Record, Source
from api.services.child_groups import FIFTHS, NOT_KNOWN
from api.services.extracts import current_activity
from api.services.group_quality import (
    DEPRIVATION,
    ETHNIC_GROUP,
    FEWEST_DECIDED,
    SOURCE,
    Grouping,
    GroupQuality,
    gap_of,
    quality_by_group,
)
from api.services.register.deciding import decide
from api.services.register.shielding import shield
from api.services.rules import RuleBook
from matcher.intervals import Proportion, newcombe
from matcher.outcomes import PROFILES, ToldShare
from tests.databases import Databases
from tests.register_service.registers import Key, Register, shipped
from tests.register_service.reviewed import WHO, Reviewed
from tests.register_service.towns import fill_with_groups

UPPER = shipped().book.linkage.matching.thresholds.upper
# On which the town's systems were exported, as their extracts say.
DAY = date(2025, 1, 16)
EXACT = replace(shipped().book, disclosure=PROFILES["none"], content_hash="exact")


@pytest.fixture
def grouped(databases: Databases) -> Iterator[Engine]:
    engine = open_database(databases.filled("a town with groups", fill_with_groups))
    yield engine
    engine.dispose()


def told(engine: Engine, book: RuleBook = EXACT) -> dict[str, Grouping]:
    with reading(engine) as connection:
        return {one.name: one for one in quality_by_group(connection, book, UPPER)}


def by_name(grouping: Grouping) -> dict[str, GroupQuality]:
    return {one.name: one for one in grouping.groups}


class Plain:
    """The same counts, child by child."""

    def __init__(self, engine: Engine) -> None:
        self.sources: dict[str, list[str]] = {}
        self.stated: dict[str, dict[str, str]] = {}
        with reading(engine) as connection:
            query = (
                select(Membership.child, Source.name, Record.record_id)
                .join(Record, Record.id == Membership.record)
                .join(Source, Source.number == Record.source)
                .where(Membership.to_run.is_(None))
            )
            child_of: dict[Key, str] = {}
            for child, source, key in connection.execute(query):
                self.sources.setdefault(child, []).append(source)
                child_of[source, key] = child
            said = current_activity(connection)["ethnicities"]
            for source, key, code in said.itertuples(index=False, name=None):
                group = shipped().book.groups.ethnic_group(code)
                if group is not None and (source, key) in child_of:
                    self.stated.setdefault(child_of[source, key], {})[source] = group
            golden = select(Golden.child, Golden.postcode, Golden.date_of_birth)
            values = connection.execute(golden.where(Golden.to_run.is_(None))).all()
            lookup = select(PostcodeDeprivation.postcode, PostcodeDeprivation.decile)
            decile = {row.postcode: row.decile for row in connection.execute(lookup)}
        self.fifth = {row.child: decile.get(row.postcode) for row in values}
        self.born = {row.child: row.date_of_birth for row in values}

    def group(self, child: str, without: str = "") -> str:
        said = self.stated.get(child, {})
        ranked = [one for one in ("school_census", "ctf") if one in said and one != without]
        return said[ranked[0]] if ranked else NOT_KNOWN

    def band(self, child: str) -> str:
        decile = self.fifth[child]
        return NOT_KNOWN if decile is None else FIFTHS[(decile - 1) // 2]

    def expected(self, child: str) -> list[str]:
        if self.born[child] is None:
            return []
        born = date.fromisoformat(self.born[child])
        age = DAY.year - born.year - ((DAY.month, DAY.day) < (born.month, born.day))
        return [
            source
            for source, low, high in (("systmone", 0, 17), ("school_census", 5, 9))
            if low <= age <= high and set(self.sources[child]) - {source}
        ]

    def found(self, children: dict[str, list[str]]) -> tuple[int, int]:
        """Of children by the systems that they are looked for in."""
        looked_for = {child: systems for child, systems in children.items() if systems}
        there = [
            child for child, systems in looked_for.items() if set(systems) <= {*self.sources[child]}
        ]
        return len(there), len(looked_for)


def test_every_group_has_the_counts_that_going_child_by_child_gives(grouped: Engine) -> None:
    found, plain = told(grouped), Plain(grouped)
    ethnic = by_name(found[ETHNIC_GROUP])
    assert {"Asian: Pakistani", "Asian: Bangladeshi", "White: British", NOT_KNOWN} <= set(ethnic)
    for name, one in ethnic.items():
        own = [child for child in plain.sources if plain.group(child) == name]
        assert one.children == len(own)
        assert one.records == sum(len(plain.sources[child]) for child in own)
        if name != NOT_KNOWN:
            systems = {
                child: [at for at in plain.expected(child) if plain.group(child, at) == name]
                for child in plain.sources
            }
            share = one.found.proportion
            counts = (share.numerator, share.denominator) if share else (0, 0)
            assert counts == plain.found(systems), name
    assert ethnic[NOT_KNOWN].found.proportion is None
    bands = by_name(found[DEPRIVATION])
    assert list(bands) == [*FIFTHS, NOT_KNOWN][: len(bands)]
    for name, one in bands.items():
        own = [child for child in plain.sources if plain.band(child) == name]
        assert one.children == len(own)
        share = one.found.proportion
        assert share is not None
        counts = plain.found({child: plain.expected(child) for child in own})
        assert (share.numerator, share.denominator) == counts, name
    for name, one in by_name(found[SOURCE]).items():
        own = [child for child, sources in plain.sources.items() if name in sources]
        assert one.children == len(own)
        assert one.records == sum(plain.sources[child].count(name) for child in own)
    assert sum(one.waiting_per_100 or 0 for one in bands.values()) > 0


def test_nothing_small_is_told(grouped: Engine) -> None:
    profile = PROFILES["threshold10"]
    exact, shown = told(grouped), told(grouped, shipped().book)
    limits = 0
    for name in (ETHNIC_GROUP, DEPRIVATION, SOURCE):
        pairs = list(zip(exact[name].groups, shown[name].groups, strict=True))
        hidden = [small for small, one in pairs if one.children is None]
        assert name == SOURCE or len(hidden) != 1, "the total would tell it"
        for whole, one in pairs:
            assert one.children is None or not profile.hides(one.children)
            share, known = one.found.proportion, whole.found.proportion
            if share is not None:
                assert share == known
                assert not profile.hides(share.numerator)
                assert not profile.hides(share.denominator - share.numerator)
            elif one.found.at_least is not None:
                assert known is not None and known.value is not None
                assert one.found.at_least <= 100 * known.value
                limits += 1
    assert limits


def test_errors_are_told_only_where_enough_pairs_are_decided(grouped: Engine) -> None:
    with reading(grouped) as connection:
        key = {number: key for key, number in Register.ids(connection).items()}
        query = select(Pair.l, Pair.r).where(Pair.link == 1, Pair.weight >= UPPER)
        some = connection.execute(query.order_by(Pair.l, Pair.r).limit(FEWEST_DECIDED)).all()
    everywhere = [one for grouping in told(grouped).values() for one in grouping.groups]
    assert all(one.false is None and one.missed is None for one in everywhere)
    with writing(grouped) as connection:
        for at, (l, r) in enumerate(some):
            kind = "match" if at else "non_match"
            decide(connection, kind=kind, one=key[l], other=key[r], why="a test", **WHO)
    shares = {
        (one.false.numerator, one.false.denominator)
        for grouping in told(grouped).values()
        for one in grouping.groups
        if one.false is not None
    }
    assert all(false <= 1 and links >= FEWEST_DECIDED for false, links in shares)
    missed = [one.missed for one in told(grouped)[SOURCE].groups if one.missed is not None]
    assert not missed, "of 29 matches nothing is told"


def test_the_band_of_a_shielded_child_is_not_looked_at(grouped: Engine) -> None:
    before = by_name(told(grouped)[DEPRIVATION])
    assert told(grouped)[DEPRIVATION] is told(grouped)[DEPRIVATION], "worked out once"
    plain = Plain(grouped)
    child = min(one for one in plain.sources if plain.band(one) == FIFTHS[0])
    with reading(grouped) as connection:
        key = {number: key for key, number in Register.ids(connection).items()}
        own = select(Membership.record).where(Membership.child == child)
        record = key[connection.scalars(own.order_by(Membership.record)).first() or 0]
    with writing(grouped) as connection:
        shield(connection, record=record, why="a test", **WHO)
    after = by_name(told(grouped)[DEPRIVATION])
    assert (after[FIFTHS[0]].children or 0) < (before[FIFTHS[0]].children or 0)
    unknown = before[NOT_KNOWN].children or 0 if NOT_KNOWN in before else 0
    assert (after[NOT_KNOWN].children or 0) > unknown


def test_what_nothing_tells_apart_has_no_groups(register: Reviewed) -> None:
    found = told(register.engine)
    assert found[ETHNIC_GROUP].groups == found[DEPRIVATION].groups == ()
    assert {one.name for one in found[SOURCE].groups} >= {"registry", "clinic", "school"}


def with_share(name: str, found: int, of: int, *, known: bool = True) -> GroupQuality:
    return GroupQuality(name, of, of, ToldShare(Proportion(found, of)), 0.0, None, None, known)


def test_the_gap_is_of_the_lowest_group_to_all_others_and_allows_for_their_number() -> None:
    one, other = with_share("one", 900, 1000), with_share("other", 480, 500)
    third = with_share("third", 290, 300)
    unknown = with_share("not known", 10, 100, known=False)
    gap = gap_of([other, one, third, unknown])
    assert gap is not None
    assert (gap.lowest, round(gap.points, 2), gap.is_sure) == ("one", -6.25, True)
    alone = newcombe(Proportion(900, 1000), Proportion(770, 800))
    assert alone is not None
    assert gap.interval.lower < 100 * alone.lower < 100 * alone.upper < gap.interval.upper
    near = gap_of([with_share("one", 95, 100), with_share("other", 97, 100)])
    assert near is not None and not near.is_sure
    assert gap_of([one, unknown]) is None

"""Samples of pairs: how they are drawn and handed out, and what their answers say."""

from collections.abc import Mapping
from itertools import combinations, count

import pytest
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Pair, QualitySample, SampledPair
from api.services.register.acts import ActError, keys_of
from api.services.register.deciding import decide
from api.services.review.pairs import PairId, Reviewer
from api.services.review.sampling import (
    STRATA,
    SampleTold,
    check_can_draw,
    draw_pairs,
    enter_sample,
    quality_samples,
)
from matcher.rules.matching import Thresholds
from matcher.rules.review import draw_of
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, UNSURE
from tests.review.desk import Desk, person, rules, viewer

ANNA, BEN = person("anna"), person("ben")
SENIOR = person("senior", senior=True)


def draw(desk: Desk, *, size: int = 100, seed: int = 7) -> int:
    thresholds = shipped().book.linkage.matching.thresholds
    with writing(desk.register.engine) as connection:
        drawn = draw_pairs(connection, thresholds, size=size, seed=seed)
        return enter_sample(connection, drawn, by="steward", now=desk.now)


def told(desk: Desk) -> SampleTold:
    with reading(desk.register.engine) as connection:
        return quality_samples(connection)[0]


def drawn(desk: Desk, sample: int) -> Mapping[PairId, str]:
    """Stratum of each pair."""
    with reading(desk.register.engine) as connection:
        query = select(SampledPair).where(SampledPair.sample == sample)
        return {PairId(row.low, row.high): row.stratum for row in connection.execute(query)}


def turns_of(desk: Desk, sample: int) -> Mapping[PairId, float]:
    with reading(desk.register.engine) as connection:
        query = select(SampledPair).where(SampledPair.sample == sample)
        return {PairId(row.low, row.high): row.turn for row in connection.execute(query)}


def only(desk: Desk, *pairs: PairId) -> None:
    """Have only these pairs be sampled."""
    with writing(desk.register.engine) as connection:
        for row in connection.execute(select(SampledPair)).all():
            if PairId(row.low, row.high) not in pairs:
                own = SampledPair.low == row.low, SampledPair.high == row.high
                connection.execute(SampledPair.__table__.delete().where(*own))


def test_a_sample_is_drawn_of_each_stratum_and_again_the_same_from_its_seed(desk: Desk) -> None:
    first, again, other = draw(desk), draw(desk), draw(desk, seed=8)
    pairs = [drawn(desk, number) for number in (first, again, other)]
    assert pairs[0] == pairs[1]
    turns = [turns_of(desk, number) for number in (first, again, other)]
    assert turns[0] == turns[1] != turns[2]
    with reading(desk.register.engine) as connection:
        kept = connection.execute(select(Pair)).all()
        row = connection.execute(select(QualitySample).order_by(QualitySample.id)).first()
        chances = connection.execute(select(SampledPair.stratum, SampledPair.chance)).all()
    assert row is not None
    assert set(row.strata) <= set(STRATA)
    assert sum(row.strata.values()) == len(kept)
    assert sum(row.strata.get(name, 0) for name in STRATA[:3]) == sum(one.link for one in kept)
    waiting = sum(row.strata.get(name, 0) for name in ("waiting_low", "waiting_high"))
    assert waiting == sum(one.waiting for one in kept) == 1
    assert len(pairs[0]) == min(100, len(kept))
    for stratum, chance in chances:
        count = sum(one == stratum for one in pairs[0].values())
        assert chance == pytest.approx(count / row.strata[stratum])


def test_what_cannot_be_drawn_is_refused(desk: Desk) -> None:
    for size in (99, 5_001):
        with pytest.raises(ActError, match="from 100 to 5,000"):
            draw(desk, size=size)
    with writing(desk.register.engine) as connection:
        connection.execute(Pair.__table__.delete())
        with pytest.raises(ActError, match="nothing is linked"):
            check_can_draw(connection, size=100)


def test_what_is_decided_or_severed_is_not_drawn(desk: Desk) -> None:
    desk.register.say("match", AISHA[0], AISHA[1])
    desk.register.say("non_match", AISHA[0], UNSURE)
    desk.register.sever([AISHA[2]], [UNSURE])
    desk.register.run()
    sample = draw(desk, size=5_000)
    found = told(desk)
    assert (found.decided.linked, found.decided.missed, found.decided.non_matches) == (1, 0, 1)
    assert found.decided.cannot_tell == 0
    gone = {desk.pair(AISHA[0], AISHA[1]), desk.pair(AISHA[0], UNSURE), desk.pair(AISHA[2], UNSURE)}
    assert not gone & drawn(desk, sample).keys()


def test_a_sampled_link_is_handed_out_as_if_it_waited_and_its_answer_counts(desk: Desk) -> None:
    sample = draw(desk, size=5_000)
    link = desk.pair(*AISHA[:2])
    assert drawn(desk, sample)[link].startswith("links")
    only(desk, link)
    desk.rules = rules(sample_share=1.0)
    lease = desk.take(ANNA)
    assert (lease.pair, lease.kind, lease.known) == (link, "possible_link", None)
    context = desk.context(ANNA, lease)
    # Told as of two children, one of whom has the third record, and neither is named.
    assert [one.key for side in (context.l, context.r) for one in side.fellows] == [AISHA[2]]
    assert not context.together
    assert not context.names_children
    assert told(desk).answered == 0
    assert desk.answer(ANNA, lease, "non_match").state == "entered"
    assert (told(desk).answered, sum(one.matches for one in told(desk).strata)) == (1, 0)
    desk.register.run()
    assert not desk.register.together(*AISHA[:2])
    desk.wait(minutes=1)
    # The answer is as it was given, whatever is said of the pair later.
    desk.register.say("match", *AISHA[:2])
    assert sum(one.matches for one in told(desk).strata) == 0
    assert desk.take(ANNA).pair != link


def test_an_answer_taken_back_is_none_and_cannot_tell_is_told(desk: Desk) -> None:
    draw(desk, size=5_000)
    link = desk.pair(*AISHA[:2])
    only(desk, link)
    desk.rules = rules(sample_share=1.0)
    desk.answer(ANNA, desk.take(ANNA), "match")
    desk.undo(ANNA)
    assert told(desk).answered == 0
    lease = desk.take(ANNA)
    assert lease.pair == link
    desk.answer(ANNA, lease, "cannot_tell")
    assert (told(desk).answered, told(desk).cannot_tell) == (0, 1)


def test_two_people_answer_a_sampled_pair_where_two_must(desk: Desk) -> None:
    draw(desk, size=5_000)
    link = desk.pair(*AISHA[:2])
    only(desk, link)
    desk.rules = rules(sample_share=1.0, second={"share": 1.0, "kinds": []})
    desk.answer(ANNA, desk.take(ANNA), "match")
    desk.wait(minutes=1)
    assert desk.take(ANNA).pair != link
    lease = desk.take(BEN)
    assert lease.pair == link
    desk.answer(BEN, lease, "non_match")
    assert told(desk).answered == 0
    desk.wait(minutes=1)
    settled = desk.take(SENIOR)
    assert (settled.pair, settled.kind) == (link, "adjudication")
    assert not desk.context(SENIOR, settled).together
    desk.answer(SENIOR, settled, "match")
    assert told(desk).answered == 1


def test_a_sample_goes_on_when_nothing_else_waits_and_only_to_who_may_see_it(desk: Desk) -> None:
    draw(desk, size=5_000)
    link = desk.pair(*AISHA[:2])
    only(desk, link)
    desk.rules = rules(sample_share=0.0)
    assert desk.answer(ANNA, desk.take(ANNA)).decision
    desk.wait(minutes=1)
    limited = person("dora", view=viewer(("school", "social")))
    assert desk.next(limited) is None
    assert desk.next(ANNA, kind="possible_link") is None
    assert desk.take(ANNA).pair == link


def test_a_pair_that_is_skipped_or_referred_is_a_turn_like_one_that_is_answered(
    desk: Desk,
) -> None:
    """So that nobody is handed sampled or known pairs alone who gives no answers."""
    draw(desk, size=5_000)
    for one, other in combinations(AISHA, 2):
        desk.know(one, other, "match")
    waits = {one.pair for one in desk.waiting(ANNA)}
    for share, about in (("sample_share", ["sample"]), ("known_share", [])):
        desk.rules = rules(**({"sample_share": 0.0} | {share: 0.5}))
        for left_by in ("skip", "refer"):
            reviewer = _drawn_once(f"{share} {left_by}", *about)
            lease = desk.take(reviewer)
            assert lease.pair not in waits
            if left_by == "skip":
                desk.skip(lease)
            else:
                desk.refer(reviewer, lease)
            following = desk.take(reviewer)
            assert following.pair in waits
            desk.release(following)


def _drawn_once(name: str, *about: str) -> Reviewer:
    """Somebody of whom the number for the first turn is below a half, and not for the second."""
    return next(
        person(by)
        for n in count()
        if draw_of(by := f"{name} {n}", 0, *about) < 0.5 <= draw_of(by, 1, *about)
    )


def test_answers_to_every_pair_give_precision_and_recall_themselves(desk: Desk) -> None:
    sample = draw(desk, size=5_000)
    assert (told(desk).precision, told(desk).recall) == (None, None)
    strata = drawn(desk, sample)
    false = {desk.pair(AISHA[0], AISHA[1])}
    missed = {desk.pair(AISHA[0], UNSURE)} | {
        pair for pair, name in strata.items() if name.startswith("waiting")
    }
    links = {pair for pair, name in strata.items() if name.startswith("links")}
    together = {pair for pair, name in strata.items() if name == "together"}
    with writing(desk.register.engine) as connection:
        keys = keys_of(connection, [end for pair in strata for end in (pair.low, pair.high)])
        for pair in strata:
            match = pair in (links | together | missed) - false
            one, other = keys[pair.low], keys[pair.high]
            said = "match" if match else "non_match"
            decide(
                connection, kind=said, one=one, other=other, why="a test", by="anna", now=desk.now
            )
    found = told(desk)
    assert found.answered == found.drawn == len(strata)
    assert found.precision is not None
    assert found.recall is not None
    assert found.precision.value == pytest.approx(1 - len(false) / len(links))
    right = len(links | together) - len(false)
    assert found.recall.value == pytest.approx(right / (right + len(missed & strata.keys())))
    assert found.recall.interval.lower == pytest.approx(found.recall.interval.upper)


def test_strata_follow_the_thresholds_they_are_drawn_by(desk: Desk) -> None:
    with writing(desk.register.engine) as connection:
        thresholds = Thresholds(lower=-50, upper=90, rival_margin=3)
        chosen = draw_pairs(connection, thresholds, size=100, seed=1)
        number = enter_sample(connection, chosen, by="steward", now=desk.now)
    assert {name for name in drawn(desk, number).values() if name.startswith("links")} == {
        "links_near"
    }

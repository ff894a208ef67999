"""A pair as a reviewer sees it: both records side by side, and what stands around them.

Around them are the other records of their two children, brothers and sisters and twins, other
records that fit nearly as well, and what people said of the pair before. Of severed children
nothing is told; of shielded ones no place, to those who are not cleared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from api.services.register.acts import Key
from api.services.register.conflicts import REFUSED_LINK
from api.services.register.queue import POSSIBLE
from api.services.register.shields import shielded_records
from api.services.register.values import values_now
from api.services.register.withholding import SeenPair, seen_pairs
from api.services.review.leases import Lease
from api.services.review.pairs import PairId, Reviewer, UnknownPairError, shown_keys
from api.services.review.second import settles_alone
from api.services.review.sections import ADJUDICATION, REFERRED
from api.services.review.seen import Beside, Field, Rules, Seen
from api.services.review.surroundings import (
    Clashed,
    Earlier,
    HeldTwice,
    Surroundings,
    answers_to_settle,
    clashing,
    earlier_decisions,
    held_twice,
    open_referral,
    settled_answers,
    severed_from,
    surroundings_of,
)
from api.services.review.waiting import is_sampled, kind_in_queue


@dataclass(frozen=True, slots=True)
class Side:
    """One record of the pair, and what stands around it.

    ``fellows`` are other records of its child, ``kin`` other records of brothers and sisters,
    ``rivals`` records of other children that fit it nearly as well, the strongest first. ``why``
    is twin, sibling or family of all that look so, whichever they are.
    """

    key: Key
    record: int
    child: str | None
    fellows: tuple[Beside, ...]
    kin: tuple[Beside, ...]
    rivals: tuple[Beside, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """A pair as this reviewer sees it. ``l`` is first in key order.

    ``waits_as`` is what the pair would wait as if nobody had referred it or answered otherwise.
    ``weight`` (bits), ``probability`` and ``reasons`` are without what may not be seen, and
    missing where the two were never compared. ``cautions`` are those of the reasons that two
    children may have, of one family or of one birthday. ``answers`` are those that the reviewer
    settles, and ``note`` what a reviewer wrote who referred the pair; both are for senior
    reviewers.
    ``together`` says that the register holds the two as one child; ``names_children`` that a
    reviewer may be told the children's ids, which are not told of possible links: a pair of
    known answer would stand out by them. ``twice`` is which systems' records keep the two from
    being one child, of a link that was refused for it; ``clashing`` the decisions that a
    contradiction comes of, or that hold two records of one system together.
    """

    pair: PairId
    kind: str
    waits_as: str
    l: Side
    r: Side
    fields: tuple[Field, ...]
    together: bool
    names_children: bool
    twice: tuple[HeldTwice, ...]
    clashing: tuple[Clashed, ...]
    weight: float | None
    probability: float | None
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    rival: bool
    location_hidden: bool
    earlier: tuple[Earlier, ...]
    answers: tuple[Earlier, ...]
    note: str | None
    referred_by: str | None
    referred_at: datetime | None


def context_of(
    connection: Connection,
    rules: Rules,
    reviewer: Reviewer,
    lease: Lease,
) -> Context:
    """What the reviewer is shown of the pair in hand, in a fixed number of queries.

    Raises UnknownPairError if one of the records is no more, or may not be seen.
    """
    pair, review = lease.pair, rules[1]
    keys = shown_keys(connection, reviewer.view, [pair.low, pair.high])
    if len(keys) < 2 or not {source for source, _ in keys.values()} <= reviewer.view.sources:
        raise UnknownPairError("there is no such pair")
    l, r = keys
    around = surroundings_of(connection, pair, blind=partial(_blind, connection, lease))
    around = around.without(severed_from(connection, pair, around.records))
    known = keys | shown_keys(connection, reviewer.view, sorted(around.records))
    said = values_now(connection, {l, r} | around.records)
    if l not in said or r not in said:
        raise UnknownPairError("there is no such pair")
    shielded = set(shielded_records(connection).tolist())
    seen = Seen(reviewer, known, said, shielded, rules, lease.revealed)
    hidden = reviewer.view.hides_location(bool({l, r} & shielded))
    seen_as = seen_pairs(connection, reviewer.view, around.compared(l, r))
    kept, told = around.kept, seen_as.get(frozenset((l, r)))
    earlier = [] if lease.known is not None else _said_before(connection, pair)
    settles = reviewer.senior and lease.kind in (REFERRED, ADJUDICATION)
    alone = settles_alone(connection, review, reviewer, pair, lease.kind)
    referral = open_referral(connection, pair) if settles else None
    one, other = (around.child_of.get(record) for record in (l, r))
    waits_as = kind_in_queue(connection, pair) if settles else lease.kind
    return Context(
        pair=pair,
        kind=lease.kind,
        waits_as=waits_as,
        l=_side(l, around, seen, seen_as),
        r=_side(r, around, seen, seen_as),
        fields=tuple(seen.fields(l, r)),
        together=not around.divided and one is not None and one == other,
        names_children=lease.kind != POSSIBLE,
        twice=held_twice(connection, reviewer.view, pair, one, other)
        if waits_as == REFUSED_LINK
        else (),
        clashing=clashing(connection, reviewer.view, pair, waits_as),
        weight=None if told is None else told.weight,
        probability=None if told is None else told.probability,
        reasons=() if told is None else told.reasons,
        cautions=() if told is None else told.cases,
        rival=kept is not None and bool(kept.rival),
        location_hidden=hidden,
        earlier=tuple(earlier),
        answers=tuple(answers_to_settle(connection, pair)) if alone else (),
        note=None if referral is None else referral.why,
        referred_by=None if referral is None else referral.by,
        referred_at=None if referral is None else referral.at,
    )


def fields_of(
    connection: Connection, rules: Rules, reviewer: Reviewer, pair: PairId
) -> tuple[list[Key], list[Field]]:
    """Keys and fields of both records of a pair as they are now, masked fields masked.

    Nothing if one of the records is no more, or may not be seen.
    """
    keys = shown_keys(connection, reviewer.view, [pair.low, pair.high])
    said = values_now(connection, set(keys))
    unseen = {source for source, _ in keys.values()} - reviewer.view.sources
    if len(keys) < 2 or len(said) < 2 or unseen:
        return [], []
    shielded = set(shielded_records(connection).tolist())
    seen = Seen(reviewer, keys, said, shielded, rules, frozenset())
    l, r = keys
    return list(keys.values()), seen.fields(l, r)


def _blind(connection: Connection, lease: Lease) -> bool:
    """Whether a reviewer must not learn that one child holds both records of a pair."""
    if lease.known is not None:
        return True
    return lease.kind in (POSSIBLE, REFERRED, ADJUDICATION) and is_sampled(connection, lease.pair)


def _said_before(connection: Connection, pair: PairId) -> list[Earlier]:
    """Decisions on a pair, and the answers that one of them settled, the last first."""
    said = [*earlier_decisions(connection, pair), *settled_answers(connection, pair)]
    return sorted(said, key=lambda one: one.at, reverse=True)


def _side(
    record: int,
    around: Surroundings,
    seen: Seen,
    seen_as: Mapping[frozenset[int], SeenPair],
) -> Side:
    rivals = [other for other, _ in around.rivals[record]]
    fellows, kin = around.fellows[record], seen.kin(record, around)
    return Side(
        key=seen.keys[record],
        record=record,
        child=around.child_of.get(record),
        fellows=seen.beside(fellows, around, why=kin),
        kin=seen.beside([one for one in kin if one not in (*fellows, *rivals)], around, why=kin),
        rivals=seen.beside(
            rivals,
            around,
            why=kin,
            weights={
                other: seen_as[ends].weight
                for other in rivals
                if (ends := frozenset((record, other))) in seen_as
            },
        ),
    )

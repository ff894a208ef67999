"""A pair as a reviewer sees it: both records side by side, and what stands around them.

Around them are the other records of their two children, brothers and sisters and twins, other
records that fit nearly as well, and what people said of the pair before. Of severed children
nothing is told; of shielded ones no place, to those who are not cleared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from api.services.register.acts import Key
from api.services.register.conflicts import REFUSED_LINK
from api.services.register.queue import POSSIBLE
from api.services.register.shields import WHEREABOUTS, shielded_records
from api.services.register.standing import Standing
from api.services.register.values import values_now
from api.services.register.withholding import SeenPair, seen_pairs
from api.services.review.differences import Span, Spans, differing_spans, same
from api.services.review.leases import Lease
from api.services.review.names import (
    NAME_FIELDS,
    differing_words,
    same_name,
    shapes_differ,
    whole_name,
)
from api.services.review.pairs import PairId, Reviewer, UnknownPairError, shown_keys
from api.services.review.surroundings import (
    Earlier,
    HeldTwice,
    Kinship,
    Surroundings,
    answers_to_settle,
    earlier_decisions,
    held_twice,
    open_referral,
    severed_from,
    surroundings_of,
)
from api.services.review.waiting import ADJUDICATION, REFERRED, is_sampled, kind_in_queue
from matcher.rules.library import LinkageRules
from matcher.rules.review import ReviewRules

SAME, DIFFERENT, ONE_SIDED = "same", "different", "one_sided"

# Fields of a record in the order in which they are read.
FIELDS = (
    "forename", "middle_names", "surname", "former_surname", "known_as", "name", "sex",
    "date_of_birth", "nhs_number", "upn", "former_upn", "address", "postcode", "family_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A value, and where it differs from the one beside it, as positions in it.

    ``text`` is missing where there is none, or where it is ``masked`` until it is asked for.
    """

    text: str | None
    spans: tuple[Span, ...] = ()
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of both records. ``comparison`` is same, different, or one_sided (one has none).

    Where one has its name in one field and the other in parts, ``name`` is the whole name of
    both.

    Both texts and the comparison are missing where the field is ``withheld``: it may not be
    seen for this purpose, or tells where a shielded child lives.
    """

    name: str
    comparison: str | None
    l: Shown
    r: Shown
    withheld: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """A record beside the pair, as far as it may be seen; ``child`` is whose it is.

    ``weight`` is its own with the record that it is beside, in bits.
    """

    key: Key
    child: str | None
    values: Mapping[str, str]
    why: str | None = None
    weight: float | None = None
    location_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One record of the pair, and what stands around it.

    ``fellows`` are other records of its child, ``kin`` records of brothers and sisters
    (``why`` is twin, sibling or family), ``rivals`` records of other children that fit it
    nearly as well, the strongest first.
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
    missing where the two were never compared. ``answers`` are the two that differ, and
    ``note`` what a reviewer wrote who referred the pair; both are for senior reviewers.
    ``together`` says that the register holds the two as one child; ``names_children`` that a
    reviewer may be told the children's ids, which are not told of possible links: a pair of
    known answer would stand out by them. ``twice`` is which systems' records keep the two from
    being one child, of a link that was refused for it.
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
    weight: float | None
    probability: float | None
    reasons: tuple[str, ...]
    rival: bool
    location_hidden: bool
    earlier: tuple[Earlier, ...]
    answers: tuple[Earlier, ...]
    note: str | None
    referred_by: str | None
    referred_at: datetime | None


def context_of(
    connection: Connection,
    review: ReviewRules,
    reviewer: Reviewer,
    lease: Lease,
) -> Context:
    """What the reviewer is shown of the pair in hand, in a fixed number of queries.

    Raises UnknownPairError if one of the records is no more, or may not be seen.
    """
    pair = lease.pair
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
    seen = _Seen(
        reviewer, known, said, shielded, partial(_linkage, connection), review, lease.revealed
    )
    hidden = reviewer.view.hides_location(bool({l, r} & shielded))
    seen_as = seen_pairs(connection, reviewer.view, around.compared(l, r))
    kept, told = around.kept, seen_as.get(frozenset((l, r)))
    earlier = () if lease.known is not None else earlier_decisions(connection, pair)
    settles = reviewer.senior and lease.kind in (REFERRED, ADJUDICATION)
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
        weight=None if told is None else told.weight,
        probability=None if told is None else told.probability,
        reasons=() if told is None else told.reasons,
        rival=kept is not None and bool(kept.rival),
        location_hidden=hidden,
        earlier=tuple(earlier),
        answers=tuple(answers_to_settle(connection, pair)) if settles else (),
        note=None if referral is None else referral.why,
        referred_by=None if referral is None else referral.by,
        referred_at=None if referral is None else referral.at,
    )


def fields_of(
    connection: Connection, review: ReviewRules, reviewer: Reviewer, pair: PairId
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
    seen = _Seen(reviewer, keys, said, shielded, partial(_linkage, connection), review, frozenset())
    l, r = keys
    return list(keys.values()), seen.fields(l, r)


def _blind(connection: Connection, lease: Lease) -> bool:
    """Whether a reviewer must not learn that one child holds both records of a pair."""
    if lease.known is not None:
        return True
    return lease.kind in (POSSIBLE, REFERRED, ADJUDICATION) and is_sampled(connection, lease.pair)


def _linkage(connection: Connection) -> LinkageRules:
    standing = Standing.at(connection)
    if standing is None:
        raise UnknownPairError("there is no such pair")
    return standing.linkage


def _side(
    record: int,
    around: Surroundings,
    seen: "_Seen",
    seen_as: Mapping[frozenset[int], SeenPair],
) -> Side:
    rivals = [other for other, _ in around.rivals[record]]
    return Side(
        key=seen.keys[record],
        record=record,
        child=around.child_of.get(record),
        fellows=seen.beside(around.fellows[record], around),
        kin=seen.kin(record, around),
        rivals=seen.beside(
            rivals,
            around,
            weights={
                other: seen_as[ends].weight
                for other in rivals
                if (ends := frozenset((record, other))) in seen_as
            },
        ),
    )


class _Seen:
    """Values as far as the reviewer may see them."""

    def __init__(
        self,
        reviewer: Reviewer,
        keys: Mapping[int, Key],
        said: Mapping[int, Mapping[str, str]],
        shielded: set[int],
        linkage: Callable[[], LinkageRules],
        review: ReviewRules,
        revealed: frozenset[str],
    ) -> None:
        self.view, self.keys, self.said, self.shielded = reviewer.view, keys, said, shielded
        self.masked = set(review.masked) - revealed
        self.always_masked = set(review.masked)
        self.linkage = linkage

    def values(self, record: int) -> dict[str, str]:
        """What may be seen of a record, masked fields left in."""
        found = self.view.of_values(
            self.keys[record][0], self.said[record], shielded=record in self.shielded
        )
        return {name: found[name] for name in FIELDS if name in found}

    def fields(self, l: int, r: int) -> list[Field]:
        """Fields that either record has, in their order."""
        one, other = self.values(l), self.values(r)
        there = [name for name in FIELDS if name in self.said[l] or name in self.said[r]]
        placeless = self.view.hides_location(bool({l, r} & self.shielded))
        fields = [self._field(name, l, r, one, other, placeless) for name in there]
        plain = all(
            not found.withheld and not found.l.masked and not found.r.masked
            for found in fields
            if found.name in NAME_FIELDS
        )
        if not plain or not shapes_differ(one, other):
            return fields
        first = next(place for place, name in enumerate(there) if name in NAME_FIELDS)
        others = [found for found in fields if found.name not in NAME_FIELDS]
        return [*others[:first], self._whole_name(l, r), *others[first:]]

    def _whole_name(self, l: int, r: int) -> Field:
        one, other = self.said[l], self.said[r]
        left, right = whole_name(one), whole_name(other)
        alike = same_name(self.linkage(), one, other)
        spans: Spans = ((), ()) if alike else differing_words(left, right)
        found = SAME if alike else DIFFERENT
        return Field("name", found, Shown(left, spans[0]), Shown(right, spans[1]), withheld=False)

    def _field(
        self,
        name: str,
        l: int,
        r: int,
        one: Mapping[str, str],
        other: Mapping[str, str],
        placeless: bool,
    ) -> Field:
        hidden = any(
            name in self.said[record] and name not in shown
            for record, shown in ((l, one), (r, other))
        )
        if hidden or (placeless and name in WHEREABOUTS):
            return Field(name, None, Shown(None), Shown(None), withheld=True)
        left, right = one.get(name), other.get(name)
        spans: Spans = ((), ())
        if left is None or right is None:
            comparison = ONE_SIDED
        else:
            comparison = SAME if same(left, right) else DIFFERENT
            spans = differing_spans(left, right)
        mine, theirs = Shown(left, spans[0]), Shown(right, spans[1])
        if name in self.masked:
            mine, theirs = (Shown(None, masked=value is not None) for value in (left, right))
        return Field(name, comparison, mine, theirs, withheld=False)

    def beside(
        self,
        records: Sequence[int],
        around: Surroundings,
        *,
        why: Mapping[int, str] | None = None,
        weights: Mapping[int, float] | None = None,
    ) -> tuple[Beside, ...]:
        """Records that may be seen; of masked fields nothing, even if they were revealed."""
        found = []
        for record in records:
            if record not in self.said or self.keys[record][0] not in self.view.sources:
                continue
            values = self.values(record)
            found.append(
                Beside(
                    key=self.keys[record],
                    child=around.child_of.get(record),
                    values={n: v for n, v in values.items() if n not in self.always_masked},
                    why=(why or {}).get(record),
                    weight=(weights or {}).get(record),
                    location_hidden=self.view.hides_location(record in self.shielded),
                )
            )
        return tuple(found)

    def kin(self, record: int, around: Surroundings) -> tuple[Beside, ...]:
        """Records that show a brother, a sister or a twin of this one.

        Unless the reviewer may know where they live, none of a shielded child: that two live
        together would tell it.
        """
        if self.view.hides_location(record in self.shielded):
            return ()
        own = self.said[record]
        why: dict[int, str] = {}
        for other, shares_family in around.near[record]:
            if other not in self.said or self.view.hides_location(other in self.shielded):
                continue
            kind = Kinship.of(own, self.said[other], shares_family=shares_family)
            if kind is not None:
                why[other] = kind
        return self.beside(list(why), around, why=why)

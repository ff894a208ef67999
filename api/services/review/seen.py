"""Records beside one another, as far as a reviewer may see them and what is masked allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.services.register.acts import Key
from api.services.register.placeholders import is_placeholder
from api.services.register.shields import WHEREABOUTS
from api.services.review.differences import Span, Spans, differing_spans, same
from api.services.review.names import (
    NAME_FIELDS,
    differing_words,
    is_counted,
    same_name,
    shapes_differ,
    whole_name,
)
from api.services.review.pairs import Reviewer
from api.services.review.surroundings import Kinship, Surroundings
from matcher.rules.library import LinkageRules
from matcher.rules.review import ReviewRules

Rules = tuple[LinkageRules, ReviewRules]

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

    ``missing`` are values of both that linking takes as missing, such as 1 January. ``counted`` is
    False where two values differ only in these, or in what linking does not count, such as a
    prefix of a name. Both texts and the comparison are missing where the field is
    ``withheld``: it may not be seen for this purpose, or tells where a shielded child lives.
    """

    name: str
    comparison: str | None
    l: Shown
    r: Shown
    withheld: bool
    counted: bool = True
    missing: tuple[str, ...] = ()


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


def taken_as_missing(
    rules: LinkageRules, name: str, one: str | None, other: str | None
) -> tuple[str, ...]:
    """Of two values those that linking takes as missing; nothing where only one is there."""
    if not one or not other:
        return ()
    return tuple(text for text in (one, other) if is_placeholder(name, text, rules))


class Seen:
    """Values as far as the reviewer may see them."""

    def __init__(
        self,
        reviewer: Reviewer,
        keys: Mapping[int, Key],
        said: Mapping[int, Mapping[str, str]],
        shielded: set[int],
        rules: Rules,
        revealed: frozenset[str],
    ) -> None:
        self.view, self.keys, self.said, self.shielded = reviewer.view, keys, said, shielded
        self.linkage, review = rules
        self.masked = set(review.masked) - revealed
        self.always_masked = set(review.masked)

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
        alike = same_name(self.linkage, one, other)
        spans: Spans = ((), ()) if alike else differing_words(left, right)
        found = SAME if alike else DIFFERENT
        counted = alike or is_counted(self.linkage, "name", one, other)
        mine, theirs = Shown(left, spans[0]), Shown(right, spans[1])
        return Field("name", found, mine, theirs, withheld=False, counted=counted)

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
        counted = True
        if comparison == DIFFERENT and not self.masked & set(NAME_FIELDS):
            counted = is_counted(self.linkage, name, one, other)
        if not counted and left and right:
            spans = differing_words(left, right)
        if name in self.masked:
            mine, theirs = (Shown(None, masked=value is not None) for value in (left, right))
            return Field(name, comparison, mine, theirs, withheld=False, counted=counted)
        missing = taken_as_missing(self.linkage, name, left, right)
        counted = counted and not (missing and comparison == DIFFERENT)
        mine, theirs = Shown(left, spans[0]), Shown(right, spans[1])
        return Field(
            name, comparison, mine, theirs, withheld=False, counted=counted, missing=missing
        )

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

    def kin(self, record: int, around: Surroundings) -> dict[int, str]:
        """Records that show a brother, a sister or a twin of this one, and which of these.

        Unless the reviewer may know where they live, none of a shielded child: that two live
        together would tell it.
        """
        if self.view.hides_location(record in self.shielded):
            return {}
        own = self.said[record]
        found: dict[int, str] = {}
        for other, shares_family in around.near[record]:
            if other not in self.said or self.view.hides_location(other in self.shielded):
                continue
            kind = Kinship.of(own, self.said[other], shares_family=shares_family)
            if kind is not None:
                found[other] = kind
        return found

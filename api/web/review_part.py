"""What the pages of review have in common: the part of the queue somebody works on, and words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.rest.reviewing import Rules, reviewer_of, rules_of
from api.services.access.roles import Permission
from api.services.register.queue import POSSIBLE, STALE
from api.services.review.given import answers_since
from api.services.review.names import NAME_FIELDS, NameParts, parts_compared
from api.services.review.pairs import PairId, UnknownPairError
from api.services.review.sections import ADJUDICATION, CONFLICT, CONFLICT_KINDS, REFERRED
from api.services.review.seen import Field
from api.services.review.taking import left_over, take_next
from api.services.review.waiting import Wanted
from api.web.access import signed_in
from api.web.pages import see
from api.web.text import counted, midnight
from api.web.typed import Written
from matcher.rules.review import ReviewRules

Visit = Annotated[Access, signed_in(Permission.REVIEW_PAIRS)]
Change = Annotated[Write, signed_in(Permission.REVIEW_PAIRS, writes=True)]

KIND_NAMES = {
    "referred": "Referred to senior reviewers",
    "adjudication": "Two answers differ",
    "conflict": "Any conflict",
    "contradiction": "Decisions contradict each other",
    "held_twice": "A system holds the child twice",
    "refused_link": "A system would then hold the child twice",
    "changed_values": "Values changed since the decision",
    "possible_link": "Possible link",
}
ANSWER_NAMES = {"match": "match", "non_match": "not a match", "cannot_tell": "cannot tell"}

# Kinds to choose from.
CHOSEN = (REFERRED, ADJUDICATION, CONFLICT, *CONFLICT_KINDS, STALE, POSSIBLE)

# More than so many that wait for senior reviewers are only said to be more.
COUNTED = 100

_Typed = Annotated[Written, Query()]


@dataclass(frozen=True)
class Part:
    """The part of the queue that somebody chose, as the address has it."""

    kind: str
    source: str

    @property
    def typed(self) -> dict[str, str]:
        """What was chosen, by name in the address."""
        values = vars(self)
        return {name: values[name] for name in values if values[name]}

    @property
    def query(self) -> str:
        """The end of an address that keeps to this part of the queue."""
        return f"?{urlencode(self.typed)}" if self.typed else ""

    @property
    def wanted(self) -> Wanted:
        """The same for the queue. What cannot be read limits nothing."""
        kind = self.kind if self.kind in CHOSEN else None
        return Wanted(kind=kind, source=self.source or None)


def part_in_address(kind: _Typed = "", source: _Typed = "") -> Part:
    """Filters of the queue, as the address of a page or of a form has them."""
    return Part(kind.strip(), source.strip())


PartOfQueue = Annotated[Part, Depends(part_in_address)]


def pair_of(text: str) -> PairId:
    """A pair by its address. Raises Problem."""
    try:
        return PairId.parse(text)
    except UnknownPairError:
        raise Problem("not-found") from None


def needed_rules(visit: Access) -> Rules:
    """The rules that the register goes by. Raises Problem before its first run."""
    rules = rules_of(visit)
    if rules is None:
        raise Problem("not-found")
    return rules


def two_end(rules: ReviewRules, kind: str) -> bool:
    """Whether two people end a conflict of this kind, by answering anew what it comes of."""
    return kind in rules.second.kinds


def name_parts(visit: Access, fields: Sequence[Field]) -> tuple[NameParts, NameParts] | None:
    """Of what names are compared, where their fields do not say it and are not hidden."""
    names = [one for one in fields if one.name in NAME_FIELDS]
    if any(one.withheld or one.l.masked or one.r.masked for one in names):
        return None
    return parts_compared(
        needed_rules(visit)[0],
        {one.name: one.l.text for one in names if one.l.text},
        {one.name: one.r.text for one in names if one.r.text},
    )


def answers_today(visit: Access) -> int:
    """How many pairs this reviewer has answered since midnight."""
    return answers_since(visit.connection, by=visit.caller.name, since=midnight(visit.now))


def go_on(request: Request, visit: Access, part: Part, said: str | None = None) -> Response:
    """Hand out the next pair, and show it; the queue if nothing waits."""
    rules = rules_of(visit)
    lease = rules and take_next(
        visit.connection,
        visit.service.aside,
        rules[1],
        reviewer_of(visit),
        now=visit.now,
        wanted=part.wanted,
    )
    if not lease:
        nothing = _nothing_more(visit, part)
        return see(request, f"/review{part.query}", said=f"{said} {nothing}" if said else nothing)
    return see(request, f"/review/pairs/{lease.pair}{part.query}", said=said)


def _nothing_more(visit: Access, part: Part) -> str:
    """That nothing can be handed out, and what becomes of all that is listed all the same."""
    said = "Nothing more waits for you here."
    rules = rules_of(visit)
    if rules is None:
        return said
    left = left_over(
        visit.connection,
        visit.service.aside,
        rules[1],
        reviewer_of(visit),
        now=visit.now,
        wanted=part.wanted,
    )
    others = [
        f"{counted(left.taken, 'pair')} in somebody else's hand" if left.taken else "",
        f"{counted(left.skipped, 'pair')} that you skipped" if left.skipped else "",
        f"{counted(left.answered, 'pair')} already answered" if left.answered else "",
    ]
    listed = " and ".join(one for one in others if one)
    return f"{said} Your list still has {listed}." if listed else said


def words_for_templates() -> dict[str, Any]:
    """Names of kinds and answers."""
    return {"kind_names": KIND_NAMES, "answer_names": ANSWER_NAMES}

"""Roles, and what each may do.

Permissions say who may; what the state of things allows is for the services to say.
"""

import enum
from collections.abc import Iterable


class Role(enum.StrEnum):
    """What a person or a system is trusted with."""

    ANALYST = "analyst"
    REVIEWER = "reviewer"
    SENIOR_REVIEWER = "senior_reviewer"
    MEASURES_READER = "measures_reader"
    STEWARD = "steward"
    AUDITOR = "auditor"
    SYSTEM = "system"


class Permission(enum.StrEnum):
    """One thing that somebody may be allowed to do."""

    READ_EXTRACTS = "read_extracts"
    BRING_EXTRACTS = "bring_extracts"
    DECIDE_EXTRACTS = "decide_extracts"
    READ_CHILDREN = "read_children"
    WRITE_RECORDS = "write_records"
    MATCH_PEOPLE = "match_people"
    REVIEW_PAIRS = "review_pairs"
    SETTLE_REVIEWS = "settle_reviews"
    CORRECT_CHILDREN = "correct_children"
    PROTECT_CHILDREN = "protect_children"
    READ_EVENTS = "read_events"
    KEEP_WEBHOOKS = "keep_webhooks"
    EXPORT = "export"
    READ_RUNS = "read_runs"
    CHANGE_RULES = "change_rules"
    READ_MEASURES = "read_measures"
    ADMINISTER = "administer"
    READ_AUDIT = "read_audit"


_P = Permission

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ANALYST: frozenset(
        {
            _P.READ_EXTRACTS,
            _P.BRING_EXTRACTS,
            _P.DECIDE_EXTRACTS,
            _P.READ_CHILDREN,
            _P.MATCH_PEOPLE,
            _P.EXPORT,
            _P.READ_RUNS,
            _P.READ_MEASURES,
        }
    ),
    Role.REVIEWER: frozenset(
        {_P.READ_CHILDREN, _P.MATCH_PEOPLE, _P.REVIEW_PAIRS, _P.READ_RUNS, _P.READ_MEASURES}
    ),
    Role.SENIOR_REVIEWER: frozenset(
        {
            _P.READ_CHILDREN,
            _P.MATCH_PEOPLE,
            _P.REVIEW_PAIRS,
            _P.SETTLE_REVIEWS,
            _P.CORRECT_CHILDREN,
            _P.PROTECT_CHILDREN,
            _P.READ_RUNS,
            _P.READ_MEASURES,
        }
    ),
    Role.MEASURES_READER: frozenset({_P.READ_MEASURES}),
    Role.STEWARD: frozenset(_P) - {_P.READ_AUDIT, _P.WRITE_RECORDS},
    Role.AUDITOR: frozenset({_P.READ_AUDIT, _P.READ_RUNS, _P.READ_EXTRACTS}),
    Role.SYSTEM: frozenset(
        {
            _P.READ_EXTRACTS,
            _P.BRING_EXTRACTS,
            _P.READ_CHILDREN,
            _P.WRITE_RECORDS,
            _P.MATCH_PEOPLE,
            _P.READ_EVENTS,
            _P.KEEP_WEBHOOKS,
            _P.EXPORT,
            _P.READ_RUNS,
            _P.READ_MEASURES,
        }
    ),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that somebody with these roles may do."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))

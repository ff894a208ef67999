"""Identifiers that pages hide until somebody asks for them, as the rules of review say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.rest.access import Access
from api.services.register.kept_rules import rules_in_force


@dataclass(frozen=True, slots=True)
class Masks:
    """``hidden`` are fields that are there and not shown, ``told`` those that were asked for."""

    hidden: tuple[str, ...]
    told: tuple[str, ...]


def masks_on(visit: Access, *shown: Mapping[str, Any], revealed: bool) -> Masks:
    """Of fields that have a value anywhere on a page, those that the rules have masked."""
    rules = rules_in_force(visit.connection, visit.service.offered).book.review
    there = tuple(
        name for name in rules.masked if any(values.get(name) is not None for values in shown)
    )
    return Masks((), there) if revealed else Masks(there, ())

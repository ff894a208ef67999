"""The purpose that somebody acts for now, of those that they may act for."""

from collections.abc import Collection

from api.services.access.caller import PurposeError
from api.services.rules import RuleBook


def choose_purpose(purposes: Collection[str], asked: str | None) -> str | None:
    """The one asked for; the only one if none is; none if several are open.

    Raises PurposeError if it is not one of these. It is not repeated: anything may have
    been written in its place.
    """
    if asked is None:
        return next(iter(purposes)) if len(purposes) == 1 else None
    if asked not in purposes:
        may = ", ".join(sorted(purposes)) or "none"
        raise PurposeError(f"this is not a purpose that you may act for; yours are: {may}")
    return asked


def purposes_of(book: RuleBook) -> set[str]:
    """Every purpose that the rules let a source or a field be used for."""
    found: set[str] = set()
    for source in book.sources.values():
        found |= set(source.purposes).union(*source.field_purposes.values())
    return found


def check_purposes(purposes: Collection[str], known: Collection[str]) -> None:
    """Raises PurposeError if one is not known."""
    unknown = sorted(set(purposes) - set(known))
    if unknown:
        listed = ", ".join(sorted(known)) or "none yet"
        raise PurposeError(f"no agreement has the purpose {unknown[0]!r}; known are: {listed}")

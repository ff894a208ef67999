"""What routes and pages of review share: who asks, by which rules, and how refusals are told."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.register.acts import ActError, UnknownError
from api.services.register.standing import Standing
from api.services.review.context import Context
from api.services.review.pairs import NotInHandError, Reviewer, StaleError, TakenError
from api.services.review.seen import Rules as Rules
from api.services.review.undoing import NotYoursError


@contextmanager
def told_plainly() -> Iterator[None]:
    """Say what the services refuse as problems."""
    try:
        yield
    except NotInHandError as error:
        raise Problem("not-in-hand", str(error)) from None
    except TakenError as error:
        raise Problem("taken", str(error)) from None
    except StaleError as error:
        raise Problem("stale", changes=list(error.changes)) from None
    except UnknownError as error:
        raise Problem("not-found", str(error)) from None
    except NotYoursError as error:
        raise Problem("forbidden", str(error)) from None
    except ActError as error:
        raise Problem("conflict", str(error)) from None


def reviewer_of(access: Access) -> Reviewer:
    """Whoever asks, as a reviewer."""
    return Reviewer.of(access.caller, access.view)


def rules_of(access: Access) -> Rules | None:
    """The rules that the register goes by; none before its first run."""
    standing = Standing.at(access.connection)
    return None if standing is None else (standing.linkage, standing.read.rules.book.review)


def told_of(context: Context) -> Iterator[str]:
    """Ids of records and children that a context tells of, for the access log."""
    for side in (context.l, context.r):
        yield f"record {side.record}"
        beside = (*side.fellows, *side.kin, *side.rivals)
        yield from {child for child in (side.child, *(one.child for one in beside)) if child}

"""Moving records between the children of a pair: choose, see the change, confirm."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from string import ascii_uppercase
from typing import Annotated, Any

from fastapi import Depends, Form, Request, Response

from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.rest.reviewing import reviewer_of
from api.services.access.roles import Permission
from api.services.register.acts import ActError
from api.services.review.grouping import NEW, Group, group_of, single_sources
from api.services.review.pairs import StaleError, UnknownPairError
from api.services.review.planning import planned
from api.services.review.regrouping import RefusedPairError, check_can_enter, enter
from api.web.access import page_router, signed_in
from api.web.pages import Instead, page, see
from api.web.review_part import needed_rules, pair_of, words_for_templates
from api.web.text import as_typed, sentence

router = page_router()

Settling = Annotated[Access, signed_in(Permission.SETTLE_REVIEWS)]
Moving = Annotated[Write, signed_in(Permission.SETTLE_REVIEWS, writes=True)]


async def _places(request: Request) -> dict[int, str]:
    """Where each record is to go, by record.id, as the form has it."""
    form = await request.form()
    return {
        int(name[3:]): str(value)
        for name, value in form.items()
        if name.startswith("to-") and name[3:].isascii() and name[3:].isdigit()
    }


Places = Annotated[dict[int, str], Depends(_places)]


@router.get("/review/clusters/{pair}")
def cluster_page(request: Request, pair: str, visit: Settling) -> Response:
    """All records of both children, each with the child that it belongs to."""
    with _refused():
        group = _group(visit, pair)
    return _choosing(request, pair, group, {})


@router.post("/review/clusters/{pair}")
def preview_page(
    request: Request,
    pair: str,
    visit: Settling,
    places: Places,
    again: Annotated[str, Form(max_length=10)] = "",
    why: Annotated[str, Form()] = "",
) -> Response:
    """Which decisions would be entered, and which children there would be."""
    with _refused():
        group = _group(visit, pair)
    if again:
        return _choosing(request, pair, group, places)
    return _preview(request, visit, pair, group, places, why=as_typed(why))


@router.post("/review/clusters/{pair}/confirm")
def confirm(
    request: Request,
    pair: str,
    change: Moving,
    places: Places,
    state: Annotated[str, Form(max_length=40)] = "",
    why: Annotated[str, Form()] = "",
) -> Response:
    """Enter the decisions."""
    with _refused():
        group = _group(change, pair)
    try:
        numbers = enter(
            change.connection,
            change.service.aside,
            needed_rules(change)[1],
            reviewer_of(change),
            pair_of(pair),
            places,
            state=state,
            why=as_typed(why),
            now=change.now,
        )
    except StaleError:
        said = "The records, or what is decided of them, have changed since; look again"
        errors = {_first(group): said}
        raise Instead(
            _choosing(request, pair, group, places, errors, 412, why=as_typed(why))
        ) from None
    except ActError as error:
        errors = {"why": sentence(str(error))}
        raise Instead(
            _preview(request, change, pair, group, places, errors=errors, why=as_typed(why))
        ) from None
    count = "1 decision is" if len(numbers) == 1 else f"{len(numbers)} decisions are"
    return see(request, "/review", said=f"{count} entered. The records move with the next run.")


def _group(visit: Access, pair: str) -> Group:
    rules = needed_rules(visit)[1]
    group = group_of(visit.connection, rules, reviewer_of(visit), pair_of(pair))
    visit.saw(*group.children, *(f"record {one.key.record}" for one in group.records))
    return group


def _choosing(
    request: Request,
    pair: str,
    group: Group,
    places: Mapping[int, str],
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    refused: RefusedPairError | None = None,
    why: str = "",
) -> Response:
    return page(
        request,
        "review/cluster.html",
        title="Move records between children",
        wide=True,
        status=status,
        errors=errors,
        pair=pair,
        group=group,
        # Of children that are still these; else each record is shown where it is.
        places={number: goal for number, goal in places.items() if goal in group.places},
        refused=refused,
        why=why,
        **_words(group),
    )


def _preview(
    request: Request,
    visit: Access,
    pair: str,
    group: Group,
    places: Mapping[int, str],
    *,
    errors: Mapping[str, str] | None = None,
    why: str = "",
) -> Response:
    try:
        plan = planned(visit.connection, group, places)
        check_can_enter(
            visit.connection,
            visit.service.aside,
            needed_rules(visit)[1],
            reviewer_of(visit),
            plan.decisions,
            now=visit.now,
        )
    except RefusedPairError as error:
        field = {f"to-{error.refused.l.key.record}": sentence(str(error))}
        status = 409 if error.in_hand else 422
        return _choosing(request, pair, group, places, field, status, error, why)
    except ActError as error:
        wrong = {_first(group): sentence(str(error))}
        return _choosing(request, pair, group, places, wrong, status=422)
    if not plan.decisions and not errors:
        nothing = {
            _first(group): "Nothing would change. Choose another child for at least one record"
        }
        return _choosing(request, pair, group, places, nothing, status=422)
    return page(
        request,
        "review/cluster_change.html",
        title="See the change and confirm it",
        wide=True,
        status=422 if errors else 200,
        errors=errors,
        pair=pair,
        group=group,
        places=places,
        plan=plan,
        result=_result(group, places, single_sources(visit.connection)),
        why=why,
        **_words(group),
    )


def _first(group: Group) -> str:
    """The id of the first field, for what is wrong with all of them."""
    return f"to-{group.records[0].key.record}"


def _result(
    group: Group, places: Mapping[int, str], single: Collection[str]
) -> list[dict[str, Any]]:
    """Records by the place that they go to; children that lose all of theirs are last.

    ``twice`` are sources that hold each child once, and would hold this one several times.
    """
    found = []
    for place in group.places:
        own = [
            one
            for one in group.records
            if places.get(one.key.record, group.child_of[one.key.record]) == place
        ]
        if own or place != NEW:
            held = Counter(one.key.source for one in own)
            twice = sorted(one for one in single if held[one] > 1)
            found.append({"place": place, "records": own, "twice": twice})
    return sorted(found, key=lambda one: not one["records"])


def _words(group: Group) -> dict[str, Any]:
    """What each place is called: by a letter, short enough for lists of choices on a phone."""
    letters = dict(zip(group.children, ascii_uppercase, strict=False))
    return {"letters": letters, **words_for_templates()}


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except UnknownPairError:
        raise Problem("not-found") from None
    except ActError as error:
        raise Problem("conflict", str(error)) from None

"""Children found by what is known of them."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Form, Query, Request, Response
from pydantic import BaseModel

from api.rest.access import Access
from api.services.access.roles import Permission
from api.services.register.criteria import SaysNothingError
from api.services.register.searching import wanted
from api.services.register.searching_children import (
    FoundChild,
    ListChangedError,
    search_children,
)
from api.web.access import page_router, signed_in
from api.web.dates import date_of_birth
from api.web.pages import Instead, page, see
from api.web.terms import keep_terms, kept_terms
from api.web.text import sentence
from api.web.typed import Sent, too_long
from matcher.errors import DataError
from matcher.rules.survivorship import GOLDEN_FIELDS

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_CHILDREN)]

# Where on the page a column of RECORDS is typed, if not under its own name.
_PLACE = {"date_of_birth": "born-day"}
# What is wrong with what a child is looked for by.
_SAYS_NOTHING = {
    "forename": "Enter a forename in letters",
    "surname": "Enter a surname in letters",
    "nhs_number": "Enter an NHS number of 10 digits",
    "upn": "Enter a UPN of 13 characters, such as A123456789012",
    "postcode": "Enter a full postcode, such as OL1 1AA",
    "date_of_birth": "Enter a real date of birth from 1900 to today, such as 27 3 2019",
}
_NOTHING = "Enter something that is known of the child"
_BARRED = "This may not be used for the purpose that you have chosen"


class Sought(BaseModel):
    """What is typed of a child that is looked for; but for the date of birth, by column."""

    forename: Sent = ""
    surname: Sent = ""
    postcode: Sent = ""
    nhs_number: Sent = ""
    upn: Sent = ""
    record_id: Sent = ""
    day: Sent = ""
    month: Sent = ""
    year: Sent = ""

    def columns(self) -> dict[str, str]:
        """What is typed but the date of birth."""
        typed = self.model_dump(exclude={"day", "month", "year"})
        return {name: value for name, value in typed.items() if value}


@router.get("/children")
def search_page(
    request: Request,
    visit: Visit,
    search: Annotated[str, Query(max_length=32)] = "",
    after: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """What is known of the child that is looked for, and children of whom some record agrees.

    ``search`` is the number of what is looked for, ``after`` where the last page ended.
    """
    typed = kept_terms(request, search)
    sought = Sought(**typed)
    if not typed:
        return _search(request, visit, sought, forgotten=bool(search))
    values, errors = _values(visit, sought)
    if errors:
        return _search(request, visit, sought, errors=errors)
    try:
        found = search_children(
            visit.connection,
            values,
            after=after or None,
            limit=50,
            cleared=visit.caller.cleared,
            sources=visit.view.usable(values.keys()),
        )
    except ListChangedError:
        raise Instead(see(request, _address(search))) from None
    visit.saw(*(child.child_id for child in found.children))
    shown = [_shown(visit, child) for child in found.children]
    more = None if found.after is None else _address(search, after=found.after)
    return _search(request, visit, sought, found=shown, more=more)


@router.post("/children")
def look_for(request: Request, visit: Visit, sought: Annotated[Sought, Form()]) -> Response:
    """Search; sent as a form, so that no address tells names."""
    _, errors = _values(visit, sought)
    if errors:
        return _search(request, visit, sought, errors=errors)
    response = see(request, "/children")
    typed = {name: value for name, value in sought.model_dump().items() if value}
    response.headers["location"] = _address(keep_terms(request, response, typed))
    return response


def _address(search: str, **more: str) -> str:
    return f"/children?{urlencode({'search': search, **more})}"


def _values(visit: Access, sought: Sought) -> tuple[dict[str, str], dict[str, str]]:
    """What to search by, by column, and what is wrong with it, by place on the page."""
    values = sought.columns()
    errors = too_long(sought.model_dump())
    if errors:
        return values, errors
    born, wrong = date_of_birth(sought.day, sought.month, sought.year)
    if wrong:
        return values, {"born-day": wrong}
    if born:
        values["date_of_birth"] = born
    if not values:
        return values, {"forename": _NOTHING}
    if not visit.view.usable(values.keys()):
        barred = {_PLACE.get(name, name) for name in values if not visit.view.usable([name])}
        return values, dict.fromkeys(sorted(barred), _BARRED)
    try:
        wanted(visit.connection, values, (), visit.caller.cleared)
    except SaysNothingError as error:
        return values, {_PLACE.get(error.column, error.column): _SAYS_NOTHING[error.column]}
    except DataError as error:
        return values, {"": sentence(str(error))}
    return values, {}


def _shown(visit: Access, child: FoundChild) -> dict[str, Any]:
    fields = [name for field in GOLDEN_FIELDS for name in (field, f"{field}_source")]
    golden = {name: child.values.get(name) for name in fields}
    return {
        "child_id": child.child_id,
        "golden": visit.view.of_golden(golden, shielded=child.location_hidden),
        "location_hidden": child.location_hidden,
    }


def _search(
    request: Request,
    visit: Access,
    sought: Sought,
    *,
    errors: Mapping[str, str] | None = None,
    found: list[dict[str, Any]] | None = None,
    more: str | None = None,
    forgotten: bool = False,
) -> Response:
    return page(
        request,
        "children/search.html",
        title="Find a child",
        errors=errors,
        status=422 if errors else 200,
        typed=sought.model_dump(),
        found=found,
        more=more,
        forgotten=forgotten,
        sources=sorted(visit.view.sources),
    )

"""Children found by what is known of them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Request, Response
from pydantic import BaseModel, StringConstraints

from api.rest.access import Access
from api.services.access.roles import Permission
from api.services.register.criteria import SaysNothingError
from api.services.register.searching_children import FoundChild, search_children
from api.web.access import page_router, signed_in
from api.web.born import date_of_birth
from api.web.pages import page
from api.web.text import sentence
from matcher.errors import DataError
from matcher.rules.survivorship import GOLDEN_FIELDS

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_CHILDREN)]
Typed = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]

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
    """What is typed of a child that is looked for; but for the date of birth, by column.

    ``after`` is where the last page of children ended.
    """

    forename: Typed = ""
    surname: Typed = ""
    postcode: Typed = ""
    nhs_number: Typed = ""
    upn: Typed = ""
    record_id: Typed = ""
    day: Typed = ""
    month: Typed = ""
    year: Typed = ""
    after: Annotated[str, StringConstraints(max_length=32)] = ""

    def columns(self) -> dict[str, str]:
        """What is typed but the date of birth."""
        typed = self.model_dump(exclude={"day", "month", "year", "after"})
        return {name: value for name, value in typed.items() if value}


@router.get("/children")
def search_page(request: Request, visit: Visit) -> Response:
    """What is known of the child that is looked for."""
    return _search(request, visit, Sought())


@router.post("/children")
def search_result(request: Request, visit: Visit, sought: Annotated[Sought, Form()]) -> Response:
    """Children of whom some record agrees; sent as a form, so that no address tells names."""
    values = sought.columns()
    born, wrong = date_of_birth(sought.day, sought.month, sought.year)
    if wrong:
        return _search(request, visit, sought, errors={"born-day": wrong})
    if born:
        values["date_of_birth"] = born
    if not values:
        return _search(request, visit, sought, errors={"forename": _NOTHING})
    sources = visit.view.usable(values.keys())
    if not sources:
        barred = {_PLACE.get(name, name) for name in values if not visit.view.usable([name])}
        return _search(request, visit, sought, errors=dict.fromkeys(sorted(barred), _BARRED))
    try:
        found = search_children(
            visit.connection,
            values,
            after=sought.after or None,
            limit=50,
            cleared=visit.caller.cleared,
            sources=sources,
        )
    except SaysNothingError as error:
        place = _PLACE.get(error.column, error.column)
        return _search(request, visit, sought, errors={place: _SAYS_NOTHING[error.column]})
    except DataError as error:
        return _search(request, visit, sought, errors={"": sentence(str(error))})
    visit.saw(*(child.child_id for child in found.children))
    shown = [_shown(visit, child) for child in found.children]
    return _search(request, visit, sought, found=shown, after=found.after)


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
    after: str | None = None,
) -> Response:
    return page(
        request,
        "children/search.html",
        title="Find a child",
        errors=errors,
        status=422 if errors else 200,
        typed=sought.model_dump(exclude={"after"}),
        found=found,
        after=after,
        sources=sorted(visit.view.sources),
    )

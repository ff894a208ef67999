"""Subject access: a copy of all that is held of one child."""

import json
from typing import Annotated

from fastapi import Request, Response

from api.db.engine import reading
from api.rest.access import Access, Write
from api.services.access.roles import Permission
from api.services.register.history import members_of
from api.services.register.lookalikes import lookalikes
from api.services.register.viewing import seen_members
from api.services.subject_access import everything_of, note_subject_access
from api.web.access import page_router, signed_in
from api.web.administration_parts import Typed, Visit
from api.web.pages import Instead, page

router = page_router()

Copying = Annotated[Write, signed_in(Permission.ADMINISTER, writes=True)]


@router.get("/administration/subject-access")
def subject_access_page(request: Request, visit: Visit) -> Response:
    """Asks for the child's id."""
    return _page(request, visit, "")


@router.post("/administration/subject-access")
def subject_access(request: Request, change: Copying, child_id: Typed = "") -> Response:
    """The copy as a file; that it was made is in both logs."""
    wanted = child_id.strip().upper()
    with reading(change.service.aside) as aside:
        found = everything_of(change.connection, aside, change.view, wanted)
    if found is None:
        missing = "Enter a child’s id" if not wanted else "Enter the id of a child in the register"
        errors = {"child_id": missing}
        raise Instead(_page(request, change, child_id, errors))
    members, _ = members_of(change.connection, wanted)
    seen = seen_members(change.view, members, lookalikes(change.connection, change.view).records)
    change.saw(wanted, *(f"record {one.record}" for one in seen))
    note_subject_access(change.connection, wanted, by=change.caller.name, now=change.now,
                        purpose=change.view.purpose)  # fmt: skip
    content = json.dumps(found, indent=2, ensure_ascii=False, default=str)
    headers = {"Content-Disposition": f'attachment; filename="child-{wanted}.json"'}
    return Response(content, media_type="application/json", headers=headers)


def _page(
    request: Request, visit: Access, child_id: str, errors: dict[str, str] | None = None
) -> Response:
    return page(
        request,
        "administration/subject_access.html",
        title="Subject access",
        errors=errors,
        status=422 if errors else 200,
        child_id=child_id,
        purpose=visit.caller.purpose,
    )

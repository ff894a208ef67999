"""Files that people send by a form: straight to disk, and only from a form of ours."""

from collections.abc import AsyncIterator, Mapping

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.rest.allowed import Allowed, check
from api.rest.problems import Problem
from api.rest.service import Serving
from api.rest.uploads import Upload, taken_in
from api.web import sessions
from api.web.access import bearer_of


class PageUploads:
    """A dependency that takes in a form with one file, for those who may use the route.

    The form's token must come before its file, so that nothing is kept of what another site
    sends. To be named before what begins a transaction, on a route that is `streamed`.
    """

    def __init__(self, allowed: Allowed) -> None:
        self.allowed = allowed

    async def __call__(self, request: Request, service: Serving) -> AsyncIterator[Upload]:
        """FastAPI calls this around the route's function."""
        await run_in_threadpool(check, self.allowed, request, service, bearer_of(request), None)

        def from_our_form(fields: Mapping[str, str]) -> None:
            token = request.headers.get("X-CSRF-Token") or fields.get("csrf")
            if not sessions.is_form_token(request, token):
                raise Problem("form-expired")

        async with taken_in(request, service, from_our_form) as upload:
            from_our_form(upload.fields)
            yield upload

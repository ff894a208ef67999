"""Styles and script, served under an address that changes when they do."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Response

from api.rest.problems import Problem
from matcher.errors import MatcherError

_BUILT = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


class NotBuiltError(MatcherError):
    """Styles and script have not been made."""


class StaticFiles:
    """All files, in memory. ``base`` is the address under which they are; it names their content.

    One address for all of them, so that a script can import another one by its name.
    """

    def __init__(self) -> None:
        if not (_BUILT / "main.css").is_file():
            raise NotBuiltError("the styles of the pages are not built; run: make")
        self._files = {path.name: path.read_bytes() for path in sorted(_BUILT.iterdir())}
        content = hashlib.sha256()
        for name, data in self._files.items():
            content.update(name.encode() + hashlib.sha256(data).digest())
        self._build = content.hexdigest()[:16]
        self.base = f"/assets/{self._build}"

    def router(self) -> APIRouter:
        """Serves them."""
        router = APIRouter(include_in_schema=False)

        @router.get("/assets/{build}/{name}")
        def asset(build: str, name: str) -> Response:
            if build != self._build or name not in self._files:
                raise Problem("not-found")
            media = _TYPES[Path(name).suffix]
            return Response(
                self._files[name], media_type=media, headers={"Cache-Control": _FOR_GOOD}
            )

        return router

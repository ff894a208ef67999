"""Ids that hold a slash: in an address it is written ``%2F`` and divides nothing.

What a server hands on is decoded already, so that such a slash could not be told from one
that divides. It is handed on as a character that no decoded address can hold.
"""

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

# Half of a character: UTF-8 never decodes to it.
_STANDS_FOR_SLASH = "\udc2f"


class EncodedSlashes:
    """Around an application whose addresses hold such ids; see `with_slashes`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        raw = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%" in raw:
            parts = [unquote(part.decode("latin-1")) for part in raw.split(b"/")]
            scope["path"] = "/".join(part.replace("/", _STANDS_FOR_SLASH) for part in parts)
        await self.app(scope, receive, send)


def with_slashes(text: object) -> object:
    """The id that a part of an address stands for."""
    return text.replace(_STANDS_FOR_SLASH, "/") if isinstance(text, str) else text

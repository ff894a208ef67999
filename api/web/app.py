"""The whole application: the API for systems and the pages for people."""

from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api.rest.app import create_app
from api.rest.service import Service
from api.settings import Settings

_LOCAL = ["localhost", "127.0.0.1", "[::1]", "testserver"]


def create_application(service: Service, settings: Settings) -> FastAPI:
    """The API and the pages, for the address that they are known by."""
    app = create_app(service)
    known = urlsplit(settings.public_url).hostname
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[known] if known else _LOCAL)
    return app

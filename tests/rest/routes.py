"""The page that lists every route with the roles that may call it, made from the route table.

python -m tests.rest.routes
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from api.db.engine import open_database
from api.db.schema import upgrade
from api.rest.allowed import Allowed
from api.rest.app import create_app
from api.rest.document import roles_of
from api.rest.guarding import asked_by
from api.rest.service import opened
from api.services.access.roles import Role
from tests.register_service.registers import shipped

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rest-routes.md"

_BEFORE = """# Routes and roles

Every route of the API, the permission it needs, and the roles that have it. *Personal* routes need
a purpose and are written into the access log. What each route takes and gives is in the OpenAPI
document that the service itself serves at `/v1/openapi.json`.

"""


@dataclass(frozen=True)
class Rule:
    """What a route asks of its callers; nothing, if ``allowed`` is none."""

    route: str
    allowed: Allowed | None

    @property
    def roles(self) -> list[Role]:
        if self.allowed is None:
            return list(Role)
        return roles_of(self.allowed)


def rules(app: FastAPI) -> list[Rule]:
    return [Rule(name, asked_by(route)) for name, route in app.state.routes.items()]


def page(app: FastAPI) -> str:
    lines = ["| route | permission | personal | roles |", "|---|---|---|---|"]
    for rule in rules(app):
        permission = rule.allowed.permission.value if rule.allowed else "none"
        personal = "yes" if rule.allowed and rule.allowed.personal else "no"
        roles = ", ".join(rule.roles) if rule.allowed else "anybody"
        lines.append(f"| `{rule.route}` | {permission} | {personal} | {roles} |")
    return _BEFORE + "\n".join(lines) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/register.db")
        upgrade(engine)
        with opened(engine, shipped()) as service:
            PAGE.write_text(page(create_app(service)), encoding="utf-8")
        engine.dispose()


if __name__ == "__main__":
    main()

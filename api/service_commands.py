"""The command that serves the register to people and systems."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from api.db.engine import writing
from api.logs import configure_logs
from api.opening import DatabaseOption, ModelOption, RulesOption, offered_rules, register
from api.services.access.accounts import first_invitation
from api.services.access.purposes import purposes_of
from api.settings import read_settings

commands = typer.Typer()


@commands.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
    database: DatabaseOption = None,
    rules: RulesOption = None,
    model: ModelOption = None,
) -> None:
    """Serve the register: pages for people, an API for systems, and a worker.

    The first time, it prints a link with which the first steward chooses a password.
    """
    # Here, so that other commands do not wait for the whole service to be read.
    from api.serving import check_address, check_settings, refuse_demonstration, serve

    configure_logs(pretty=sys.stderr.isatty())
    settings = read_settings()
    if database:
        settings = settings.model_copy(update={"database_url": database})
    check_settings(settings, host)
    check_address(host, port)
    offered = offered_rules(rules, model)
    with register(settings.database_url) as engine:
        with writing(engine) as connection:
            now = datetime.now(UTC)
            refuse_demonstration(connection, settings)
            token = first_invitation(connection, purposes=purposes_of(offered.book), now=now)
        address = settings.public_url.rstrip("/") or f"http://{host}:{port}"
        if token is not None:
            print(
                f"Nobody can sign in yet. Choose the first steward's password, once, at\n"
                f"  {address}/invitations/{token}",
                flush=True,
            )
        print(f"Serving the register at {address} (Ctrl+C to stop)", flush=True)
        serve(engine, offered, settings, host, port)

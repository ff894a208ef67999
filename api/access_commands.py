"""Commands that say who may come in, and what they did."""

from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from api import access_screen as screen
from api.arguments import day, require_file
from api.db.aside import aside_of, reading_aside
from api.db.engine import reading
from api.db.turns import acting
from api.opening import (
    DatabaseOption,
    JsonOption,
    existing_register,
    now,
    print_json,
    register,
    user_name,
)
from api.services.access import accounts
from api.services.access import keys as api_keys
from api.services.access.chain import LOGS, Head
from api.services.access.policy import known_purposes, read_terms
from api.services.access.purposes import check_purposes, purposes_of
from api.services.access.reading_logs import list_entries, verify_logs
from api.services.access.roles import Role
from api.services.access.signing_in import end_sign_ins, last_sign_ins
from api.services.backup import heads_of
from api.services.register.viewing import has_source
from api.services.rules import load_rule_book, shipped_rules
from api.settings import read_settings

users = typer.Typer(help="Look after the people who may sign in.", no_args_is_help=True)
keys = typer.Typer(help="Look after the keys that systems show.", no_args_is_help=True)
audit = typer.Typer(help="Read the logs of what was done and seen.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")]
KeyArgument = Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")]
RolesOption = Annotated[list[Role], typer.Option("--role", help="What they may do; repeatable.")]
PurposesOption = Annotated[
    list[str],
    typer.Option("--purpose", metavar="PURPOSE", help="What they may act for; repeatable."),
]
ClearedOption = Annotated[
    bool, typer.Option("--cleared", help="They may see where shielded children live.")
]


@users.command("add")
def add_user(
    name: NameArgument,
    role: RolesOption,
    purpose: PurposesOption = [],  # noqa: B006 (typer needs a list)
    cleared: ClearedOption = False,
    database: DatabaseOption = None,
) -> None:
    """Add a person, and print the link with which they choose a password, once."""
    moment = now()
    with register(database) as engine, acting(engine) as connection:
        _check_purposes(connection, purpose)
        accounts.add_person(
            connection,
            name,
            roles=role,
            purposes=purpose,
            cleared=cleared,
            by=user_name(),
            now=moment,
        )
        token = accounts.invite(connection, name, by=user_name(), now=moment)
    _show_link(token)


@users.command("list")
def list_users(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show everybody who was ever added, and what they may do."""
    with existing_register(database) as engine, reading(engine) as connection:
        with aside_of(engine) as aside:
            seen = last_sign_ins(aside)
        people = [
            {**row._asdict(), "last_sign_in": seen.get(row.id)}
            for row in accounts.list_people(connection)
        ]
    if as_json:
        print_json({"users": people})
    else:
        screen.show_people(people)


@users.command("change")
def change_user(
    name: NameArgument,
    role: Annotated[
        list[Role], typer.Option("--role", help="What they may do, instead; repeatable.")
    ] = [],  # noqa: B006
    purpose: Annotated[
        list[str],
        typer.Option(
            "--purpose", metavar="PURPOSE", help="What they may act for, instead; repeatable."
        ),
    ] = [],  # noqa: B006
    cleared: Annotated[
        bool | None,
        typer.Option("--cleared/--not-cleared", help="See where shielded children live, or not."),
    ] = None,
    new_link: Annotated[
        bool, typer.Option("--new-link", help="Print a link to choose another password.")
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Change what a person may do, from their next request on. What is not named stays."""
    moment, by = now(), user_name()
    with existing_register(database) as engine, acting(engine) as connection:
        _check_purposes(connection, purpose)
        if role or purpose or cleared is not None or not new_link:
            accounts.change_person(
                connection,
                name,
                roles=role or None,
                purposes=purpose or None,
                cleared=cleared,
                by=by,
                now=moment,
            )
        token = accounts.invite(connection, name, by=by, now=moment) if new_link else None
    if token is None:
        print(f"{name} is changed.")
    else:
        _show_link(token)


@users.command("end")
def end_user(name: NameArgument, database: DatabaseOption = None) -> None:
    """Let a person in no more, and sign them out. What they did stays known."""
    moment = now()
    with existing_register(database) as engine:
        with acting(engine) as connection:
            person = accounts.end_person(connection, name, by=user_name(), now=moment)
        with aside_of(engine) as aside:
            end_sign_ins(aside, person, now=moment)
    print(f"{name} can no longer sign in.")


@keys.command("create")
def create_key(
    name: KeyArgument,
    role: RolesOption,
    purpose: PurposesOption = [],  # noqa: B006
    source: Annotated[
        list[str],
        typer.Option("--source", help="A source that it may see; repeatable. Default: all."),
    ] = [],  # noqa: B006
    days: Annotated[int, typer.Option(min=1, max=1100, help="How long it lasts.")] = 365,
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="How many requests it may make in a minute.")
    ] = None,
    attended: Annotated[
        bool,
        typer.Option(
            "--attended", help="A person looks at what it finds, so it gets more than sure matches."
        ),
    ] = False,
    cleared: ClearedOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make a key for a system, and print it, once."""
    with register(database) as engine, acting(engine) as connection:
        _check_purposes(connection, purpose)
        unknown = [one for one in dict.fromkeys(source) if not has_source(connection, one)]
        made = api_keys.create_key(
            connection,
            name,
            roles=role,
            purposes=purpose,
            sources=source or None,
            cleared=cleared,
            unattended=False if attended else None,
            per_minute=per_minute,
            lasts=timedelta(days=days),
            by=user_name(),
            now=now(),
        )
    for one in unknown:
        typer.echo(f"matcher: warning: the register has no source {one} yet", err=True)
    screen.show_key(made)


@keys.command("list")
def list_keys(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show every key ever made, without its secret."""
    with existing_register(database) as engine, reading(engine) as connection:
        found = [row._asdict() for row in api_keys.list_keys(connection)]
    if as_json:
        print_json({"keys": found})
    else:
        screen.show_keys(found, now())


@keys.command("rotate")
def rotate_key(
    name: KeyArgument,
    grace: Annotated[
        int, typer.Option("--grace", min=0, max=90, help="Days that the old one goes on.")
    ] = api_keys.GRACE.days,
    database: DatabaseOption = None,
) -> None:
    """Make a key that replaces one and may do the same, and print it, once."""
    with existing_register(database) as engine, acting(engine) as connection:
        made = api_keys.rotate_key(
            connection, name, by=user_name(), now=now(), grace=timedelta(days=grace)
        )
    screen.show_key(made)
    left = f"for {grace} more days at most" if grace else "no more"
    print(f"The one before works {left}.")


@keys.command("end")
def end_key(name: KeyArgument, database: DatabaseOption = None) -> None:
    """End a key at once, and those that it replaced."""
    with existing_register(database) as engine, acting(engine) as connection:
        ended = api_keys.revoke_key(connection, name, by=user_name(), now=now())
    print(f"{ended} {'key is' if ended == 1 else 'keys are'} ended.")


@audit.command("verify")
def verify(
    head: Annotated[
        list[str],
        typer.Option(
            "--head",
            metavar="LOG:ENTRIES:HASH",
            help="A head that was printed earlier: what followed may be new, not what was before.",
        ),
    ] = [],  # noqa: B006
    backup: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A backup: both logs must go on from where it was made."),
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that nothing in either log was altered, dropped or put in between.

    Prints the head of each. Keep them elsewhere: only against an earlier head can it be seen
    that the end of a log is gone. The exit status is 1 if a log is not as it was written.
    """
    require_file(backup, "--backup")
    known = _parse_heads(head)
    for log, found in (heads_of(backup) if backup else {}).items():
        known[log].append(found)
    with (
        existing_register(database) as engine,
        reading(engine) as connection,
        reading_aside(engine, connection) as aside,
    ):
        verified = verify_logs(connection, aside, known)
    if as_json:
        print_json(asdict(verified))
    else:
        screen.show_verified(verified)
    if verified.broken:
        raise typer.Exit(1)


@audit.command("list")
def list_log(
    about: Annotated[
        str | None,
        typer.Option(metavar="ID", help='Only about this, such as "extract 3" or a child\'s id.'),
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this person or key did.")
    ] = None,
    after: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DATE", help="Only from this day on."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 100,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the latest entries of both logs, the latest first."""
    since = datetime.combine(after, time(), UTC) if after else None
    with (
        existing_register(database) as engine,
        reading(engine) as connection,
        reading_aside(engine, connection) as aside,
    ):
        found = list_entries(connection, aside, about=about, by=by, after=since, limit=limit)
    if as_json:
        print_json({"entries": [asdict(entry) for entry in found]})
    else:
        screen.show_entries(found)


def _parse_heads(texts: list[str]) -> dict[str, list[Head]]:
    known: dict[str, list[Head]] = {log: [] for log in LOGS}
    for text in texts:
        log, _, rest = text.partition(":")
        try:
            known[log].append(Head.parse(rest))
        except (KeyError, ValueError):
            raise typer.BadParameter(
                f"write it as it was printed: {' or '.join(LOGS)}, a number and a hash",
                param_hint="--head",
            ) from None
    return known


def _check_purposes(connection: Connection, purposes: list[str]) -> None:
    if purposes:
        agreed = known_purposes(read_terms(connection))
        check_purposes(purposes, {*agreed, *purposes_of(load_rule_book(shipped_rules()))})


def _show_link(token: str) -> None:
    address = read_settings().public_url.rstrip("/")
    days = accounts.INVITATION_LASTS.days
    print(
        f"Give them this link. It works once, within {days} days, to choose a password:\n"
        f"  {address}/invitations/{token}"
    )

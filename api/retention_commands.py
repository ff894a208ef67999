"""Commands for what is kept no longer, what must be kept, and erasing."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
import typer
from sqlalchemy import Connection, Engine

from api.act_commands import RecordArgument, SourceArgument
from api.arguments import number
from api.db.engine import reading, writing
from api.db.turns import acting
from api.opening import (
    ByOption,
    DatabaseOption,
    JsonOption,
    WhyOption,
    existing_register,
    now,
    offered_rules,
    print_json,
    user_name,
)
from api.services.observe import Recorder
from api.services.register.columns import Numbers
from api.services.register.kept_rules import rules_in_force
from api.services.register.viewing import record_number
from api.services.retention.due import due_by_source, due_records, free_to_erase
from api.services.retention.erasing import (
    Erased,
    check_can_erase,
    count_by_source,
    erase_asked,
    erase_due,
    records_of_child,
)
from api.services.retention.forgetting import sweep
from api.services.retention.holds import holds_in_force, lift_hold, put_hold

commands = typer.Typer()
holds = typer.Typer(help="Say what must not be erased for now.", no_args_is_help=True)
erase = typer.Typer(help="Erase what records say, for good.", no_args_is_help=True)

ChildArgument = Annotated[str, typer.Argument(metavar="CHILD", help="The child's id.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")]


@commands.command()
def retention(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show how many records are due to be erased, and what is held."""
    with existing_register(database) as engine, reading(engine) as connection:
        book = rules_in_force(connection, offered_rules(None, None)).book
        due = due_by_source(due_records(connection, book, now().date()))
        held = holds_in_force(connection)
    if as_json:
        print_json({"due": [asdict(one) for one in due], "holds": [asdict(one) for one in held]})
        return
    for one in due:
        print(f"{one.source}: {one.current} listed, {one.closed} closed, {one.held} held")
    if not due:
        print("Nothing is due to be erased.")
    for hold in held:
        on = f"child {hold.child_id}" if hold.child_id else f"record {hold.record}"
        print(f"Hold {hold.id} on {on}, by {hold.by} on {hold.at:%Y-%m-%d}: {hold.why}")


@holds.command("child")
def hold_child(
    child: ChildArgument, why: WhyOption, database: DatabaseOption = None, by: ByOption = None
) -> None:
    """Let nothing of a child be erased until the hold is lifted."""
    _hold(child, why, database, by)


@holds.command("record")
def hold_record(
    source: SourceArgument,
    record_id: RecordArgument,
    why: WhyOption,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Let one record not be erased until the hold is lifted."""
    _hold((source, record_id), why, database, by)


def _hold(on: tuple[str, str] | str, why: str, database: str | None, by: str | None) -> None:
    with existing_register(database) as engine, acting(engine) as connection:
        number = put_hold(connection, on=on, why=why, by=by or user_name(), now=now())
    print(f"Hold {number} is in force. To end it: matcher holds lift {number} --why TEXT")


@holds.command("lift")
def lift(
    hold: Annotated[int, typer.Argument(parser=number, metavar="HOLD", help="The hold's number.")],
    why: WhyOption,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """End a hold."""
    with existing_register(database) as engine, acting(engine) as connection:
        lift_hold(connection, hold, why=why, by=by or user_name(), now=now())
    print(f"Hold {hold} is lifted.")


@erase.command("due")
def due(
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="SOURCE", help="Of this source only; repeatable."),
    ] = None,
    yes: YesOption = False,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Erase all records that are due by the retention rules and that nobody holds."""
    today, offered = now().date(), offered_rules(None, None)

    def wanted(connection: Connection) -> Numbers:
        book = rules_in_force(connection, offered).book
        return free_to_erase(due_records(connection, book, today, sources=source))

    def do(connection: Connection, _: Numbers, **how: Any) -> Erased | None:
        return erase_due(connection, offered, today=today, sources=source, **how)

    _erase(wanted, do, yes=yes, database=database, by=by)


@erase.command("child")
def child_(
    child: ChildArgument,
    why: WhyOption,
    yes: YesOption = False,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Erase every record of a child, whether or not it is due."""
    _erase_asked(
        lambda connection: records_of_child(connection, child),
        lambda _: f"child {child}",
        why,
        yes=yes,
        database=database,
        by=by,
    )


@erase.command("record")
def record(
    source: SourceArgument,
    record_id: RecordArgument,
    why: WhyOption,
    yes: YesOption = False,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Erase one record, whether or not it is due."""

    def wanted(connection: Connection) -> Numbers:
        number = record_number(connection, source, record_id)
        return np.array([] if number is None else [number], dtype=np.int64)

    _erase_asked(
        wanted, lambda records: f"record {records[0]}", why, yes=yes, database=database, by=by
    )


def _erase_asked(
    wanted: Callable[[Connection], Numbers],
    about: Callable[[Numbers], str],
    why: str,
    *,
    yes: bool,
    database: str | None,
    by: str | None,
) -> None:
    def checked(connection: Connection) -> Numbers:
        records = wanted(connection)
        check_can_erase(connection, records=records, why=why)
        return records

    def do(connection: Connection, records: Numbers, **how: Any) -> Erased:
        offered = offered_rules(None, None)
        return erase_asked(
            connection, offered, records=records, about=about(records), why=why, **how
        )

    _erase(checked, do, yes=yes, database=database, by=by)


def _erase(
    wanted: Callable[[Connection], Numbers],
    do: Callable[..., Erased | None],
    *,
    yes: bool,
    database: str | None,
    by: str | None,
) -> None:
    """Say how many records it would be, ask, and erase them."""
    with existing_register(database) as engine:
        with reading(engine) as connection:
            records = wanted(connection)
            counts = count_by_source(connection, records)
        if not len(records):
            print("Nothing is due to be erased.")
            return
        for name, number in counts.items():
            print(f"{name}: {_records(number)}")
        if yes or typer.confirm("What they say cannot be brought back. Erase them?", err=True):
            _do(engine, do, records, by)
        else:
            print("Nothing is erased.")


def _do(engine: Engine, do: Callable[..., Erased | None], records: Numbers, by: str | None) -> None:
    recorder = Recorder(show=True)
    with recorder.live():
        with writing(engine) as connection:
            done = do(connection, records, by=by or user_name(), now=now(), observer=recorder)
        with recorder.stage("sweep"):
            sweep(engine, now())
    if done is not None:
        print(f"Run {done.run}: {_records(done.records)} erased.")


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"

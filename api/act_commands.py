"""Commands with which people act on a register: decide, correct, protect, put."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from api import look_screen as screens
from api import register_screen as screen
from api.arguments import day, number, require_file
from api.db.engine import reading, writing
from api.db.turns import acting
from api.opening import (
    ByOption,
    DatabaseOption,
    JsonOption,
    LinkOption,
    WhyOption,
    existing_register,
    now,
    offered_rules,
    print_json,
    user_name,
)
from api.services.ingesting import link_what_waits
from api.services.observe import Recorder
from api.services.register.corrections import correct as enter_correction
from api.services.register.corrections import release_correction
from api.services.register.deciding import decide as enter_decision
from api.services.register.deciding import held_decision, undo_decision
from api.services.register.entered import conflicts_since
from api.services.register.kept_rules import InForce, rules_in_force
from api.services.register.placing import waiting_places
from api.services.register.severances import UnnamedError
from api.services.register.severances import sever as enter_severance
from api.services.register.shielding import lift_shields, still_hidden
from api.services.register.shielding import shield as enter_shield
from api.services.register.single import Put, RecordRefusedError, delete_record, put_record
from api.services.review.ending import end_leases
from api.services.review.undoing import pair_of
from matcher.errors import DataError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from api.rest.record_schemas import RecordBody

commands = typer.Typer()

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="The record's source ...")]
RecordArgument = Annotated[str, typer.Argument(metavar="ID", help="... and its id there.")]


@commands.command()
def decide(
    kind: Annotated[
        Literal["match", "non-match", "cannot-tell"],
        typer.Argument(help="One child, two children, or not to be told."),
    ],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="One record's source ...")],
    record_id: Annotated[str, typer.Argument(metavar="ID", help="... and its id.")],
    other_source: Annotated[str, typer.Argument(metavar="SOURCE", help="The other's source ...")],
    other_id: Annotated[str, typer.Argument(metavar="ID", help="... and its id.")],
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Say of two records whether they are one child. It holds until a person undoes it."""
    one, other, said = (source, record_id), (other_source, other_id), kind.replace("-", "_")
    with existing_register(database) as engine:
        with acting(engine) as connection:
            held = held_decision(connection, one=one, other=other)
            if held is not None and held.kind == said and not held.stale:
                print(f"That is decided so already: decision {held.id} by {held.by}.")
                return
            number = enter_decision(
                connection,
                kind=said,
                one=one,
                other=other,
                why=why,
                by=by or user_name(),
                now=now(),
            )
            end_leases(connection, [pair_of(connection, number)], now())
        print(f"Decision {number} is entered. To take it back: matcher undo {number} --why TEXT")
        if held is not None:
            kept = held.kind.replace("_", "-")
            print(f"It holds in place of decision {held.id} by {held.by}, {kept}.")
        _link(engine, by, link)


@commands.command()
def undo(
    decision: Annotated[
        int, typer.Argument(parser=number, metavar="DECISION", help="The decision's number.")
    ],
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Take a decision back; the register is then as if it had not been made."""
    with existing_register(database) as engine:
        with acting(engine) as connection:
            undo_decision(connection, decision, why=why, by=by or user_name(), now=now())
            end_leases(connection, [pair_of(connection, decision)], now())
        print(f"Decision {decision} is taken back.")
        _link(engine, by, link)


@commands.command()
def correct(
    source: SourceArgument,
    record_id: RecordArgument,
    field: Annotated[
        str, typer.Argument(metavar="FIELD", help="A golden value, such as surname or postcode.")
    ],
    why: WhyOption,
    value: Annotated[
        str | None,
        typer.Option("--value", metavar="TEXT", help="The right value. Default: it is asked for."),
    ] = None,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Set a value of a record's child by hand. It stays until it is released."""
    with existing_register(database) as engine:
        said = value if value is not None else typer.prompt(f"{field}", err=True)
        with acting(engine) as connection:
            number = enter_correction(
                connection,
                record=(source, record_id),
                field=field,
                value=said,
                why=why,
                by=by or user_name(),
                now=now(),
                rules=_rules(connection).book.linkage,
            )
        print(f"Correction {number} is entered. To let it go: matcher release {number} --why TEXT")
        _link(engine, by, link)


@commands.command()
def release(
    correction: Annotated[
        int, typer.Argument(parser=number, metavar="CORRECTION", help="The correction's number.")
    ],
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Let a corrected value be picked by the rules again."""
    with existing_register(database) as engine:
        with acting(engine) as connection:
            release_correction(connection, correction, why=why, by=by or user_name(), now=now())
        print(f"Correction {correction} is released.")
        _link(engine, by, link)


@commands.command()
def shield(
    source: SourceArgument,
    record_id: RecordArgument,
    why: WhyOption,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Hide at once, everywhere, where a record's child lives."""
    with existing_register(database) as engine, acting(engine) as connection:
        number = enter_shield(
            connection, record=(source, record_id), why=why, by=by or user_name(), now=now()
        )
    print(f"Shield {number} is on this record's child, and on whoever may be the same child.")


@commands.command()
def lift(
    source: SourceArgument,
    record_id: RecordArgument,
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Lift every shield from a record's child."""
    with existing_register(database) as engine:
        with acting(engine) as connection:
            lift_shields(
                connection, record=(source, record_id), why=why, by=by or user_name(), now=now()
            )
            hidden = still_hidden(connection, record=(source, record_id))
            waits = len(waiting_places(connection)) > 0
        print("The shield is lifted from this record's child.")
        screens.show_still_hidden(hidden)
        if waits:
            _link(engine, by, link)


@commands.command()
def sever(
    one: Annotated[
        list[str], typer.Option("--one", metavar="SOURCE=ID", help="A record of one identity.")
    ],
    other: Annotated[
        list[str], typer.Option("--other", metavar="SOURCE=ID", help="A record of the other.")
    ],
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Keep two identities of an adopted child apart for good. It cannot be taken back.

    Give each option as often as there are records. Records that are of one child with these
    go with them; where both sides are one child until now, every record of it must be named.
    """
    sides = [[_key(text) for text in side] for side in (one, other)]
    with existing_register(database) as engine:
        try:
            with acting(engine) as connection:
                count = enter_severance(
                    connection, one=sides[0], other=sides[1], why=why, by=by or user_name(),
                    now=now(),
                )  # fmt: skip
        except UnnamedError as error:
            unnamed = ", ".join("=".join(key) for key in error.records)
            raise DataError(f"{error}: {unnamed}") from None
        if count:
            pairs = "1 pair" if count == 1 else f"{count:,} pairs"
            print(f"{pairs} of records can never be one child again.")
        else:
            print("Nothing is new: these records are severed already.")
        if count or link:
            _link(engine, by, link)


@commands.command()
def put(
    source: SourceArgument,
    record_id: RecordArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What it says: a JSON object, value by column.")
    ],
    database: DatabaseOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let one record say something from now on, and link it at once.

    What the file leaves out is missing from then on.
    """
    require_file(file, "FILE")
    said = _read_values(file)
    with (
        existing_register(database) as engine,
        _said_of("FILE: {}"),
        writing(engine) as connection,
    ):
        done = put_record(
            connection,
            _rules(connection),
            source=source,
            record_id=record_id,
            values=said.said(),
            as_of=said.as_of,
            by=by or user_name(),
            now=now(),
        )
    _show_put(done, as_json=as_json)


@commands.command()
def delete(
    source: SourceArgument,
    record_id: RecordArgument,
    as_of: Annotated[
        date | None,
        typer.Option(
            "--as-of",
            parser=day,
            metavar="DATE",
            help="A day on which the source had it no more, YYYY-MM-DD.",
        ),
    ] = None,
    database: DatabaseOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let one record say nothing any more, and link what is left at once."""
    with (
        existing_register(database) as engine,
        _said_of("--as-of"),
        writing(engine) as connection,
    ):
        done = delete_record(
            connection,
            _rules(connection),
            source=source,
            record_id=record_id,
            by=by or user_name(),
            now=now(),
            as_of=as_of,
        )
    _show_put(done, as_json=as_json)


def _show_put(done: Put, *, as_json: bool) -> None:
    if as_json:
        shown = {"created": done.created, "changed": done.changed}
        print_json(shown | {"child_id": done.child, "run": done.run})
    elif not done.changed and done.run:
        print(f"Run {done.run}: the record says the same, as of a later day.")
    elif not done.changed:
        print("Nothing changed: the record says this already.")
    else:
        of = f"it is child {done.child}" if done.child else "it is of no child"
        print(f"Run {done.run}: {of}.")


@contextmanager
def _said_of(where: str) -> Iterator[None]:
    """Raises DataError that names ``where`` a field stands that cannot be as it is."""
    try:
        yield
    except RecordRefusedError as error:
        if error.field in (None, "record_id"):
            raise
        raise DataError(f"{where.format(error.field)}: {error}") from error


def _read_values(file: Path) -> "RecordBody":
    """What a file says of a record. Raises DataError, which quotes nothing of it."""
    # Here, so that other commands do not wait for the API to be read.
    from api.rest.manners import RepeatedNameError, as_json
    from api.rest.record_schemas import RecordBody

    try:
        return RecordBody.model_validate(as_json(file.read_bytes()))
    except RepeatedNameError as error:
        raise DataError("FILE: an object says the same name twice; say each once") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError('FILE is no JSON; write an object such as {"surname": ...}') from error
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, one['loc'])) or 'it'} cannot be read: {_may_be(one)}"
            for one in error.errors()
        ]
        if any(one["type"] == "extra_forbidden" for one in error.errors()):
            told.append(f"columns are {', '.join(RecordBody.model_fields)}")
        raise DataError(f"FILE: {'; '.join(told)}") from error


def _may_be(error: "ErrorDetails") -> str:
    """What can stand there instead of what was said, which is not quoted."""
    from api.rest.errors import plainly

    if error["type"] == "literal_error":
        return f"give {error['ctx']['expected']}"
    if error["type"] == "model_type":
        return 'give an object such as {"surname": ...}'
    return plainly(error)


def _key(text: str) -> tuple[str, str]:
    source, separator, record_id = text.partition("=")
    if not separator or not source or not record_id:
        raise typer.BadParameter("write each record as SOURCE=ID, for example swift=5500012")
    return source, record_id


def _rules(connection: Connection) -> InForce:
    return rules_in_force(connection, offered_rules(None, None))


def _link(engine: Engine, by: str | None, link: bool) -> None:
    if not link:
        print("It takes effect with the next run: matcher relink")
        return
    recorder = Recorder(show=True)
    with recorder.live():
        runs = link_what_waits(
            engine, offered_rules(None, None), by=by or user_name(), observer=recorder
        )
    screen.show_runs(runs)
    if runs:
        with reading(engine) as connection:
            screens.show_conflicts(conflicts_since(connection, runs[0].run))

"""Commands with which people act on a register: decide, correct, protect, put."""

from typing import Annotated, Literal

import typer
from sqlalchemy import Engine

from api import register_screen as screen
from api.db.engine import writing
from api.opening import (
    ByOption,
    DatabaseOption,
    LinkOption,
    WhyOption,
    existing_register,
    now,
    offered_rules,
    user_name,
)
from api.services.ingesting import link_what_waits
from api.services.observe import Recorder
from api.services.register.deciding import decide as enter_decision
from api.services.register.deciding import undo_decision
from api.services.register.kept_rules import InForce

commands = typer.Typer()


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
    offered = offered_rules(None, None)
    with existing_register(database) as engine:
        with writing(engine) as connection:
            number = enter_decision(
                connection,
                kind=kind.replace("-", "_"),
                one=(source, record_id),
                other=(other_source, other_id),
                why=why,
                by=by or user_name(),
                now=now(),
            )
        print(f"Decision {number} is entered. To take it back: matcher undo {number} --why TEXT")
        _link(engine, offered, by, link)


@commands.command()
def undo(
    decision: Annotated[int, typer.Argument(metavar="DECISION", help="The decision's number.")],
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Take a decision back; the register is then as if it had not been made."""
    offered = offered_rules(None, None)
    with existing_register(database) as engine:
        with writing(engine) as connection:
            undo_decision(connection, decision, why=why, by=by or user_name(), now=now())
        print(f"Decision {decision} is taken back.")
        _link(engine, offered, by, link)


def _link(engine: Engine, offered: InForce, by: str | None, link: bool) -> None:
    if not link:
        print("It takes effect with the next run: matcher relink")
        return
    recorder = Recorder(show=True)
    with recorder.live():
        runs = link_what_waits(engine, offered, by=by or user_name(), observer=recorder)
    screen.show_runs(runs)

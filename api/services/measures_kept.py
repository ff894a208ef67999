"""The measures of the register, computed once for each run that somebody asks about."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from api.db.engine import is_sqlite, writing
from api.db.models import Job, JobState, KeptMeasures
from api.db.tables import in_utc
from api.services.register.kept_rules import last_rules
from api.services.register.measures import register_measures
from api.services.register.reading import last_run
from api.services.work import Task, enqueue, unfinished
from matcher.outcomes import as_dict
from matcher.progress import Observer

MEASURES = "measures"


@dataclass(frozen=True, slots=True)
class Known:
    """Measures as of a run; ``results`` are as `matcher.outcomes.as_dict` has them."""

    run: int
    computed_at: datetime
    results: list[dict[str, Any]]


def known_measures(connection: Connection) -> Known | None:
    """Those of the latest run that have been computed, or None."""
    found = connection.execute(
        select(KeptMeasures.run, KeptMeasures.computed_at, KeptMeasures.results)
        .order_by(KeptMeasures.run.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    return Known(found.run, in_utc(found.computed_at), found.results["measures"])


def measures_job(connection: Connection) -> int | None:
    """The job that will compute them, if one waits or runs."""
    return next(iter(unfinished(connection, MEASURES)), None)


def ask_for_measures(engine: Engine, *, by: str) -> int | None:
    """Have them computed; the job. None while a run on SQLite keeps everybody from writing."""
    if is_sqlite(engine):
        with engine.connect() as connection, connection.begin():
            running = select(Job.id).where(Job.state == JobState.RUNNING).limit(1)
            if connection.scalar(running) is not None:
                return None
    with writing(engine) as connection:
        known = measures_job(connection)
        return known if known is not None else enqueue(connection, MEASURES, {}, by)


@contextmanager
def prepare_measures(
    connection: Connection, _: Task, observer: Observer
) -> Iterator[Callable[[Connection], Mapping[str, Any]]]:
    """Compute them as of the last run, unless they are known. Raises DataError without any run."""
    rules, run = last_rules(connection), last_run(connection)
    key = {"run": run, "rules": rules.book.content_hash}
    kept = select(KeptMeasures.run).filter_by(**key)
    results = None
    if connection.scalar(kept) is None:
        with observer.stage("measures"):
            results = [as_dict(one) for one in register_measures(connection, rules.book)]

    def finish(write: Connection) -> Mapping[str, Any]:
        if results is not None and write.scalar(kept) is None:
            row = {**key, "computed_at": datetime.now(UTC), "results": {"measures": results}}
            write.execute(insert(KeptMeasures).values(row))
        return {"run": run}

    yield finish

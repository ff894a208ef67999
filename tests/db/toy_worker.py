"""A worker with a handler that writes rows slowly, to be killed: ``toy_worker URL``."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from api.db.engine import open_database
from api.db.models import Audit
from api.services.work import Pace, Task
from api.worker import told_by_signals, work
from matcher.progress import Observer
from tests.db.rows import value_for

STEPS = 10
PACE = Pace(poll=0.02, beat=0.05, stale_after=0.4, losses=1000)


def write_rows(connection: Connection, task: Task, observer: Observer) -> Mapping[str, Any]:
    """STEPS rows that name the job, with a pause after each."""
    with observer.stage("write", STEPS) as advance:
        for step in range(STEPS):
            row = {column.name: value_for(column, 1) for column in Audit.__table__.columns}
            del row["id"]
            connection.execute(
                insert(Audit).values(row | {"about": f"job {task.id}", "action": f"step {step}"})
            )
            time.sleep(task.request["pause"])
            advance(1)
    # What it wrote must be all there is of it.
    there = connection.execute(select(Audit.id).where(Audit.about == f"job {task.id}")).all()
    return {"rows": len(there)}


if __name__ == "__main__":
    with told_by_signals() as stop:
        engine = open_database(sys.argv[1])
        print("ready", flush=True)
        work(engine, {"write": write_rows}, stop, PACE)
    print("ended", flush=True)

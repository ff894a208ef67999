"""Something on each page of administration: a key, a job that failed, dead letters."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from sqlalchemy import func, insert, select

from api.db.engine import reading, writing
from api.db.models import Agreement, Job, JobState, Source, WebhookDelivery
from api.services.access.access_log import AccessEntry
from api.services.access.agreements import add_agreement
from api.services.access.caller import Caller
from api.services.access.keys import create_key
from api.services.access.roles import Role
from api.services.access.verifying import VERIFY
from api.services.register.single import put_record
from api.services.register.viewing import record_number
from api.services.retention.erasing import erase_asked
from api.services.retention.holds import holds_in_force, put_hold
from api.services.webhooks import DEAD, keep_webhook
from tests.browser.site import Site
from tests.register_service.registers import shipped


def _once(site: Site, name: str) -> bool:
    """Whether this is the first time; a site is shared by tests."""
    made: set[str] = site.app.state.__dict__.setdefault("administered", set())
    first = name not in made
    made.add(name)
    return first


def key(site: Site) -> str:
    """A key of a system."""
    now = datetime.now(UTC)
    with writing(site.engine) as connection:
        made = create_key(
            connection,
            f"census-{now.timestamp():.0f}{now.microsecond}",
            roles=[Role.SYSTEM],
            purposes=["education"],
            by="test",
            now=now,
        )
    return f"/administration/keys/{made.id}"


def person(site: Site) -> str:
    """Somebody who may sign in."""
    return f"/administration/people/{site.people[site.person(Role.REVIEWER)]}"


def ended_source(site: Site) -> str:
    """A source of which every agreement has ended."""
    with writing(site.engine) as connection:
        number = connection.execute(
            insert(Source)
            .values(name=f"gone_{datetime.now(UTC).timestamp():.6f}".replace(".", "_"),
                    title="Children’s centres until 2024", one_record_per_child=False)
            .returning(Source.number)
        ).scalar_one()  # fmt: skip
        for year in (2020, 2022):
            add_agreement(
                connection,
                number,
                lawful_basis="UK GDPR article 6(1)(e)",
                purposes=["early_years", "education"],
                fields={"upn": ["education"]},
                starts=date(year, 1, 1),
                ends=date(year + 1, 12, 31),
                by="test",
                now=datetime.now(UTC),
            )
    return f"/administration/sources/{number}"


def agreement(site: Site) -> str:
    """One agreement, with its days."""
    ended_source(site)
    with reading(site.engine) as connection:
        number = connection.scalar(select(func.max(Agreement.id)))
    return f"/administration/agreements/{number}"


def work(site: Site) -> str:
    """Jobs in every state."""
    if _once(site, "work"):
        for state, more in (
            (JobState.FAILED, {"problem": "the extract's file cannot be read any more"}),
            (JobState.CANCELLED, {"finished_at": datetime.now(UTC)}),
            (JobState.DONE, {"finished_at": datetime.now(UTC)}),
        ):
            _job(site, "export", state, **more)
    return "/administration/work"


def webhook(site: Site) -> str:
    """One that deliveries to were given up."""
    now = datetime.now(UTC)
    with writing(site.engine) as connection:
        hook, _ = keep_webhook(
            connection,
            url="https://nursery.example.org/register-events",
            kinds=["record_linked"],
            by=Caller(f"nursery-{now.timestamp():.6f}", frozenset(), purpose="early_years"),
            now=now,
            local=False,
        )
    with writing(site.service.aside) as aside:
        for first in (0, 12):
            aside.execute(
                insert(WebhookDelivery).values(
                    webhook=hook.id,
                    after_event=first,
                    until_event=first + 12,
                    state=DEAD,
                    attempts=12,
                    next_at=now,
                    tried_at=now - timedelta(hours=1),
                    problem="answered 500",
                )
            )
    return f"/administration/webhooks/{hook.id}"


def retention(site: Site) -> str:
    """A record that is due, a hold on another child's, and an erasure."""
    if _once(site, "retention"):
        now = datetime.now(UTC)
        with writing(site.engine) as connection:
            known = select(Source.number).where(Source.name == "estart")
            if connection.scalar(known) is None:
                row = {
                    "name": "estart",
                    "title": "Children’s centres",
                    "one_record_per_child": False,
                }
                connection.execute(insert(Source).values(row))
            for record_id in ("ended", "due"):
                values = {
                    "forename": "Ottoline",
                    "surname": record_id,
                    "date_of_birth": "2006-02-03",
                }
                put_record(connection, shipped(), source="estart", record_id=record_id,
                           values=values, as_of=None, by="test", now=now)  # fmt: skip
            put_hold(
                connection, on=("estart", "due"), why="a complaint, 31/2026", by="test", now=now
            )
            number = record_number(connection, "estart", "ended")
            erase_asked(connection, shipped(), records=np.array([number]), about="a record",
                        why="request 8", by="test", now=now)  # fmt: skip
            put_record(connection, shipped(), source="estart", record_id="also due",
                       values={"forename": "Ida", "date_of_birth": "2005-02-03"}, as_of=None,
                       by="test", now=now)  # fmt: skip
    return "/administration/retention"


def hold(site: Site) -> str:
    """The one in force."""
    where = retention(site)
    with reading(site.engine) as connection:
        return f"{where}/holds/{holds_in_force(connection)[0].id}"


def audit(site: Site) -> str:
    """Acts, accesses about few and many ids, and logs that were found altered."""
    if _once(site, "audit"):
        for count in (1, 5):
            site.service.access_log.enter(
                AccessEntry(
                    at=datetime.now(UTC),
                    by="census",
                    route="GET /v1/children/{child_id}",
                    about=[f"7K3M9QX2RT4V{number}" for number in range(count)],
                    status=200,
                    request="r",
                    purpose="education",
                )
            )
        outcome = {
            "heads": {"audit": "12:" + "5f" * 32, "access": "7:" + "a0" * 32},
            "broken": [{"log": "access", "entry": 8, "why": "what it says was altered"}],
        }
        _job(site, VERIFY, JobState.DONE, finished_at=datetime.now(UTC), outcome=outcome)
    return "/audit"


def _job(site: Site, kind: str, state: JobState, **more: object) -> None:
    row = {"kind": kind, "request": {}, "state": state, "by": "test", "cancel_asked": False,
           "created_at": datetime.now(UTC), "attempts": 1, "faults": 0, "losses": 0}  # fmt: skip
    with writing(site.engine) as connection:
        connection.execute(insert(Job).values(row | more))

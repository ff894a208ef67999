"""Values that people set by hand, which stay until they release them.

A correction hangs on a record, so that it goes where that record goes when its child is
split. Where the record is gone, it stays with the child that the record belonged to last,
or with the one that this was merged into.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from api.db.among import among
from api.db.models import Child, Correction, Membership, RecordVersion, Succession
from api.services.register.acts import ActError, Key, audit, find_record, passes, require_reason
from api.services.register.forwarding import leads_on
from api.services.register.history import find_child
from api.services.register.placeholders import is_placeholder
from api.services.text import written
from matcher.rules.library import LinkageRules
from matcher.rules.survivorship import GOLDEN_FIELDS
from matcher.standardise import values as standard

# What a golden value's source says where a person set it.
BY_HAND = "correction"

LONGEST_VALUE = 200
_OLDEST = 1900


def correct(
    connection: Connection,
    *,
    record: Key,
    field: str,
    value: str,
    why: str,
    by: str,
    now: datetime,
    rules: LinkageRules,
) -> int:
    """Set a golden value of the record's child by hand, from the next run; its number.

    Raises ActError, see `check_can_correct`.
    """
    check_can_correct(
        connection,
        record=record,
        field=field,
        value=value,
        why=why,
        today=now.date(),
        rules=rules,
    )
    found, checked = find_record(connection, record), checked_value(field, value, now.date(), rules)
    entry = {"record": found, "field": field, "value": checked, "why": why, "by": by, "at": now}
    number: int = connection.execute(
        insert(Correction).values(entry).returning(Correction.id)
    ).scalar_one()
    audit(connection, "corrected", f"correction {number}", by=by, now=now)
    return number


def release_correction(
    connection: Connection, correction: int, *, why: str, by: str, now: datetime
) -> None:
    """Let the golden value be picked by the rules again, from the next run. Raises ActError."""
    check_can_release(connection, correction, why=why)
    connection.execute(
        update(Correction)
        .where(Correction.id == correction)
        .values(released_by=by, released_at=now, released_why=why, run=None)
    )
    audit(connection, "correction_released", f"correction {correction}", by=by, now=now)


def release_field(
    connection: Connection, child: str, field: str, *, why: str, by: str, now: datetime
) -> int:
    """Let all corrections of one value of a child go, from the next run; how many they were.

    Raises ActError if nothing is to be let go.
    """
    found = corrections_on(connection, child, field)
    require_reason(why)
    if not found:
        raise ActError(
            f"no correction of this {field} holds any more; what the sources say applies with the "
            "next run"
        )
    for correction in found:
        release_correction(connection, correction, why=why, by=by, now=now)
    return len(found)


def corrections_on(connection: Connection, child: str, field: str) -> list[int]:
    """Corrections of one value of a child that hold, also on records that are gone; by number."""
    holds = Correction.field == field, Correction.released_at.is_(None)
    return [row.id for row in corrections_of(connection, child, *holds)]


def corrections_of(
    connection: Connection, child: str, *which: ColumnElement[bool]
) -> list[Row[Any]]:
    """Corrections of a child, released or not, also on records that are gone; by number."""
    own = set(
        connection.scalars(
            select(Membership.record).where(Membership.child == child, Membership.to_run.is_(None))
        )
    )
    current = _is_current()
    query = (
        select(Correction.__table__, current.label("current"))
        .where(or_(among(Correction.record, np.array(sorted(own), np.int64)), ~current), *which)
        .order_by(Correction.id)
    )
    return [
        row
        for row in connection.execute(query).all()
        if row.record in own
        or not (row.current or own.isdisjoint(left_with(connection, [row.record])))
    ]


def left_with(connection: Connection, records: Collection[int]) -> list[int]:
    """Records of the children that a correction stays with, of those records that are gone."""
    found: list[int] = []
    for record in sorted(records):
        last = connection.execute(
            select(Membership.child, Membership.to_run)
            .where(Membership.record == record)
            .order_by(Membership.from_run.desc())
            .limit(1)
        ).one_or_none()
        if last is None or last.to_run is None:
            continue
        standing = find_child(connection, last.child)
        children = [last.child, *(standing.successors if standing else ())]
        query = select(Membership.record).where(
            Membership.to_run.is_(None), among(Membership.child, children)
        )
        found += connection.scalars(query).all()
    return found


def check_can_correct(
    connection: Connection,
    *,
    record: Key,
    field: str,
    value: str,
    why: str,
    today: date,
    rules: LinkageRules,
) -> None:
    """A current record, a golden field, a value that it can have, a reason.

    Raises ActError, which does not repeat the value.
    """
    require_reason(why)
    checked_value(field, value, today, rules)
    find_record(connection, record)


def can_correct(connection: Connection, **how: Any) -> bool:
    """Whether the value can be set now; arguments as for `check_can_correct`."""
    return passes(check_can_correct, connection, **how)


def check_can_release(connection: Connection, correction: int, *, why: str) -> None:
    """A correction that holds, a reason. Raises ActError."""
    require_reason(why)
    found = connection.execute(
        select(Correction.released_at).where(Correction.id == correction)
    ).one_or_none()
    if found is None:
        raise ActError(f"there is no correction {correction}")
    if found.released_at is not None:
        raise ActError(f"correction {correction} was released already")


def can_release(connection: Connection, correction: int, *, why: str) -> bool:
    """Whether the correction can be released now."""
    return passes(check_can_release, connection, correction, why=why)


def checked_value(field: str, value: str, today: date, rules: LinkageRules) -> str:
    """The value in the form in which golden values are shown. Raises ActError."""
    if field not in GOLDEN_FIELDS:
        raise ActError(f"there is no such golden value; they are {', '.join(GOLDEN_FIELDS)}")
    try:
        text = " ".join(written(value).split())
    except ValueError as error:
        raise ActError(f"{field}: {error}") from None
    if not text or len(text) > LONGEST_VALUE:
        raise ActError(f"{field}: give a value of 1 to {LONGEST_VALUE} characters")
    if field == "date_of_birth":
        return _date(text, today)
    if field == "sex":
        return _fits(text.upper() if text.upper() in ("F", "M") else "", "sex: F or M")
    if field == "nhs_number":
        digits = standard.standardise_nhs_number(text)
        fits = digits and standard.is_valid_nhs_number(digits)
        return _fits(digits if fits else "", "nhs_number: ten digits whose check digit fits")
    if field == "upn":
        upn = standard.standardise_upn(text)
        fits = upn and standard.is_valid_upn(upn)
        return _fits(upn if fits else "", "upn: 13 characters whose check letter fits")
    if field == "postcode":
        postcode = standard.standardise_postcode(text, rules.values)
        return _fits(postcode, "postcode: a whole one, such as OL1 1AA")
    if not any(character.isalpha() for character in text):
        raise ActError(f"{field}: it has no letter in it")
    if is_placeholder(field, text, rules):
        raise ActError(f"{field}: this is a placeholder; enter what is known, or leave it as it is")
    if field == "address" and not standard.names_a_place(text, rules.values):
        raise ActError("address: enter a house number or name, and a street")
    return text


def _date(text: str, today: date) -> str:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if len(text) != len("YYYY-MM-DD") or not date(_OLDEST, 1, 1) <= found <= today:
        raise ActError(f"date_of_birth: a date as YYYY-MM-DD, from {_OLDEST} to today")
    return found.isoformat()


def _fits(value: str, wanted: str) -> str:
    if not value:
        raise ActError(wanted)
    return value


def corrected(
    connection: Connection, golden: pd.DataFrame, child_of: Mapping[int, str]
) -> pd.DataFrame:
    """Golden values by child, with corrections in place of what survived.

    ``child_of`` gives the child of each record.id; a correction goes with its record, and
    of several on one field the last holds.
    """
    records = np.array(sorted(child_of), dtype=np.int64)
    kept = _left_behind(connection, golden, child_of)
    every = np.union1d(records, np.array(sorted(kept), dtype=np.int64))
    query = (
        select(Correction.record, Correction.field, Correction.value)
        .where(Correction.released_at.is_(None), among(Correction.record, every))
        .order_by(Correction.id)
    )
    result = golden
    for record, field, value in connection.execute(query).all():
        if result is golden:
            result = golden.copy()
        child = child_of[record] if record in child_of else kept[record]
        result.loc[child, field] = value
        result.loc[child, f"{field}_source"] = BY_HAND
    return result


def _left_behind(
    connection: Connection, golden: pd.DataFrame, child_of: Mapping[int, str]
) -> dict[int, str]:
    """The child, among these, of each corrected record that is gone."""
    query = select(Correction.record).where(Correction.released_at.is_(None), ~_is_current())
    found = {}
    for record in connection.scalars(query.distinct()).all():
        last = connection.scalar(
            select(Membership.child)
            .where(Membership.record == record)
            .order_by(Membership.from_run.desc())
            .limit(1)
        )
        child = _survivor(connection, last, golden.index, child_of) if last else None
        if child is not None:
            found[record] = child
    return found


def _is_current() -> ColumnElement[bool]:
    """That a correction's record is still a child's."""
    return (
        select(RecordVersion.id)
        .where(
            RecordVersion.record == Correction.record,
            RecordVersion.to_run.is_(None),
            RecordVersion.role == "child",
        )
        .exists()
    )


def _survivor(
    connection: Connection, child: str, known: pd.Index, child_of: Mapping[int, str]
) -> str | None:
    """The child, or the one that its records went to when it ended, however often."""
    seen: set[str] = set()
    while child not in known and child not in seen:
        seen.add(child)
        ended = connection.scalar(select(Child.to_run).where(Child.id == child))
        if ended is None:
            # Still a child as far as is written; it ends with this run if its records moved.
            held = select(Membership.record).where(
                Membership.child == child, Membership.to_run.is_(None)
            )
            went = {child_of[record] for record in connection.scalars(held) if record in child_of}
        else:
            went = set(
                connection.scalars(select(Succession.successor).where(leads_on(child, ended)))
            )
        if not went:
            return None
        child = min(went)
    return child

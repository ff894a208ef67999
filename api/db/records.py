"""Records in every version, and the activity that hangs on them."""

import datetime as dt
from typing import Annotated

from sqlalchemy import BigInteger, Date, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import FromRun, Id, Name, Table, ToRun, Written

# 64 bits of what a row says: narrow, and compared as a number over a million rows.
ContentHash = Annotated[int, mapped_column(BigInteger)]

_FAMILY_NOW = "to_run IS NULL AND family_id IS NOT NULL"


class Record(Table):
    """A row of a source, by its key. What it says is in its versions.

    One whose values were erased has ``erased_run``; its key is then another than its source's.
    """

    __tablename__ = "record"

    id: Mapped[Id]
    source: Mapped[int] = mapped_column(ForeignKey("source.number"))
    record_id: Mapped[Written]
    erased_run: Mapped[ToRun]

    __table_args__ = (
        UniqueConstraint("source", "record_id"),
        Index(
            "ix_record_erased_run",
            "erased_run",
            sqlite_where=text("erased_run IS NOT NULL"),
            postgresql_where=text("erased_run IS NOT NULL"),
        ),
    )


class RecordVersion(Table):
    """What a source said of a record, from one run until another.

    Columns from ``role`` on are those of RECORDS (see `matcher.frames`), as read.
    ``as_of`` is missing where the row had no date of its own: then the extract's counts,
    or that of the latest snapshot, which said the same again. The place of one that is
    ``unplaced`` is not compared, since it may be a guess at where a shielded child lives; of
    one that is ``unaccompanied`` which sources hold it counts for no pair, which with such a
    guess could lift it.
    """

    __tablename__ = "record_version"

    id: Mapped[Id]
    record: Mapped[int] = mapped_column(ForeignKey("record.id"))
    extract: Mapped[int | None] = mapped_column(ForeignKey("extract.id"))
    from_run: Mapped[FromRun]
    to_run: Mapped[ToRun]
    content_hash: Mapped[ContentHash]
    unplaced: Mapped[bool]
    unaccompanied: Mapped[bool]
    role: Mapped[Name]
    forename: Mapped[Written | None]
    middle_names: Mapped[Written | None]
    surname: Mapped[Written | None]
    former_surname: Mapped[Written | None]
    known_as: Mapped[Written | None]
    name: Mapped[Written | None]
    name_order: Mapped[Written | None]
    sex: Mapped[Written | None]
    nhs_number: Mapped[Written | None]
    upn: Mapped[Written | None]
    former_upn: Mapped[Written | None]
    address: Mapped[Written | None]
    postcode: Mapped[Written | None]
    family_id: Mapped[Written | None]
    date_of_birth: Mapped[dt.date | None] = mapped_column(Date)
    as_of: Mapped[dt.date | None] = mapped_column(Date)

    __table_args__ = (
        Index(None, "record", "from_run"),
        Index(None, "from_run"),
        # Families of now; most sources know of none.
        Index(
            "ix_record_version_family_now",
            "family_id",
            sqlite_where=text(_FAMILY_NOW),
            postgresql_where=text(_FAMILY_NOW),
        ),
    )


class _Activity:
    """Columns that every kind of activity has."""

    id: Mapped[Id]
    record: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    extract: Mapped[int] = mapped_column(ForeignKey("extract.id"))
    from_run: Mapped[FromRun]
    to_run: Mapped[ToRun]
    content_hash: Mapped[ContentHash]


class Contact(_Activity, Table):
    """A contact with a children's centre."""

    __tablename__ = "contact"

    date: Mapped[dt.date | None] = mapped_column(Date)
    centre: Mapped[Written | None]
    activity: Mapped[Written | None]
    attended: Mapped[bool | None]


class Visit(_Activity, Table):
    """A health visit."""

    __tablename__ = "visit"

    date: Mapped[dt.date | None] = mapped_column(Date)
    visit: Mapped[Written | None]


class MealPeriod(_Activity, Table):
    """A period of eligibility for free school meals."""

    __tablename__ = "fsm_period"

    start: Mapped[dt.date | None] = mapped_column(Date)
    end: Mapped[dt.date | None] = mapped_column(Date)


class ProfileResult(_Activity, Table):
    """A result of the early years foundation stage profile."""

    __tablename__ = "eyfsp_result"

    goal: Mapped[Written | None]
    score: Mapped[Written | None]


class Episode(_Activity, Table):
    """An early help (CAF) episode."""

    __tablename__ = "caf_episode"

    episode_id: Mapped[Written | None]
    start: Mapped[dt.date | None] = mapped_column(Date)
    end: Mapped[dt.date | None] = mapped_column(Date)
    start_reason: Mapped[Written | None]
    end_reason: Mapped[Written | None]
    organisation: Mapped[Written | None]


class FundedPlace(_Activity, Table):
    """A funded early education place."""

    __tablename__ = "funded_place"

    start: Mapped[dt.date | None] = mapped_column(Date)
    end: Mapped[dt.date | None] = mapped_column(Date)
    setting: Mapped[Written | None]
    hours: Mapped[float | None]


class Ethnicity(_Activity, Table):
    """What a record says of the child's ethnic group, as coded. Linking never reads it."""

    __tablename__ = "ethnicity"

    ethnicity: Mapped[Written | None]


# Tables by kind of activity, as `matcher.frames.ACTIVITY_COLUMNS` names them.
ACTIVITY = {
    "contacts": Contact,
    "visits": Visit,
    "fsm_periods": MealPeriod,
    "eyfsp_results": ProfileResult,
    "caf_episodes": Episode,
    "funded_places": FundedPlace,
    "ethnicities": Ethnicity,
}

"""How one table of a source is laid out, and how its dates and rows are read and joined."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from matcher.frames import ACTIVITY_COLUMNS, RECORD_DATE_COLUMNS, RECORD_TEXT_COLUMNS
from matcher.rules.document import Rule

RECORD_FIELDS = ("record_id", *RECORD_TEXT_COLUMNS, *RECORD_DATE_COLUMNS)
NAME_FIELDS = ("forename", "surname", "name")

Cell = str | bool | int | float | datetime | date | None


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]

DateFormat = Literal[
    "day/month/year", "yyyy-mm-dd", "dd mon yyyy", "yyyy-mon-dd", "ddmmyyyy", "yyyymmdd", "excel"
]


def normalise_header(text: Cell) -> str:
    """Letters and digits of a header, in one case."""
    return "".join(filter(str.isalnum, str(text).casefold()))


class DateRules(Rule):
    """How dates are written.

    ``order`` settles what 03/04/2014 means. ``infer`` reads day first unless the column
    of the file holds evidence of month first (12/25/2014); then such a value is a reject,
    or is read month first if nothing in the column speaks for day first and
    ``month_first_permitted`` says so. Beside dates of other forms (2014-04-03, a date cell)
    day first needs evidence too (25/12/2014), or such a value is a reject.
    """

    formats: tuple[DateFormat, ...] = (
        "day/month/year",
        "yyyy-mm-dd",
        "dd mon yyyy",
        "yyyy-mon-dd",
        "ddmmyyyy",
        "yyyymmdd",
        "excel",
    )
    order: Literal["infer", "day_first", "month_first"] = "infer"
    month_first_permitted: bool = False
    excel_epoch: Literal[1900, 1904] = 1900
    # 1/2/29 is 2029 and 1/2/30 is 1930, as spreadsheets read them. Where the day
    # of the extract is known, no two-digit year of birth lies after it.
    two_digit_years_to: int = 2029
    # A later year of birth is a slip or a date on which a birth is due: taken as missing.
    latest_birth_year: int = 2029


class Drop(Rule):
    """Rows that are left out, as rejects with this code.

    ``whole_record`` drops every row of the table with the same record id as well.
    """

    column: str
    equals: Names
    code: str = Field(pattern=r"^[a-z][a-z_]*$")
    whole_record: bool = False


class Blank(Rule):
    """A field that does not mean what it says while a column has one of these values."""

    field: str
    when: str
    equals: Names


class Fallback(Rule):
    """Another column that fills a field where it is empty, unless it only repeats a third."""

    field: str
    column: str
    unless_same_as: str | None = None


class Unpivot(Rule):
    """Columns that become rows of an activity: one per filled cell.

    A file with none of them is not this table.
    """

    into: Literal["eyfsp_results"]
    columns: dict[str, Names]


class Table(Rule):
    """One table: a CSV file, a sheet, or an element that repeats in an XML file.

    ``columns`` names each column after the field it fills and lists the headers (in XML:
    paths from ``element``; ``..`` goes up) under which it is found, best first.
    ``required`` are columns without which a file is not this table; a list within it
    means one of. ``never`` are headers that tell another system's list: a file with one of
    them is not this table. ``files`` are hints: a file with such a name must be this table.
    Of rows with one record id the latest counts, by ``latest_by`` and then ``as_of``, and
    of equally late ones the fullest; ``repeated_id`` says whether the others are mistakes.
    """

    name: str
    yields: tuple[str, ...] = ()
    columns: dict[str, Names]
    required: tuple[Names, ...]
    never: Names = ()
    files: Names = ()
    element: str | None = None
    optional: bool = False
    address: tuple[tuple[str, ...], ...] = ()
    drop: tuple[Drop, ...] = ()
    blank: tuple[Blank, ...] = ()
    fallback: tuple[Fallback, ...] = ()
    pad: dict[str, int] = Field(default_factory=dict)
    repeated_id: Literal["reject", "latest"] = "reject"
    latest_by: str | None = None
    unpivot: Unpivot | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> "Table":
        mistakes = [
            f"yields {kind!r}, which is neither records nor an activity"
            for kind in self.yields
            if kind != "records" and kind not in ACTIVITY_COLUMNS
        ]
        mistakes += [
            f"column {column!r} is used but not under columns"
            for column in sorted(self.used_columns - set(self.columns))
            if column not in self.unpivoted
        ]
        known = {
            normalise_header(header) for headers in self.columns.values() for header in headers
        }
        mistakes += [
            f"never: {header!r} is a header of this table's own columns"
            for header in self.never
            if normalise_header(header) in known
        ]
        if self.yields and "record_id" not in self.columns:
            mistakes.append("a table that yields something needs a column record_id")
        of_records = "records" in self.yields and "ethnicity" in self.columns
        if "ethnicities" in self.yields and not of_records:
            mistakes.append("a table that yields ethnicities yields records, and has an ethnicity")
        if mistakes:
            raise ValueError(f"table {self.name!r}: " + "; ".join(mistakes))
        return self

    @property
    def unpivoted(self) -> dict[str, Names]:
        """Columns that become rows of an activity, with their headers."""
        return self.unpivot.columns if self.unpivot else {}

    @property
    def needed(self) -> tuple[Names, ...]:
        """Groups of columns of which a file must have one each to be this table."""
        return (*self.required, tuple(self.unpivoted)) if self.unpivoted else self.required

    @property
    def used_columns(self) -> set[str]:
        """Columns that this table's own rules speak of."""
        used = {column for group in self.required for column in group}
        used |= {column for lines in self.address for column in lines}
        used |= {drop.column for drop in self.drop}
        used |= {name for blank in self.blank for name in (blank.field, blank.when)}
        for rule in self.fallback:
            used |= {rule.field, rule.column, rule.unless_same_as or rule.column}
        used |= set(self.pad) | ({self.latest_by} if self.latest_by else set())
        return used

    @property
    def yielded_columns(self) -> set[str]:
        """Columns that mean something in what this table yields."""
        known: set[str] = set()
        for kind in self.yields:
            known |= set(RECORD_FIELDS if kind == "records" else ACTIVITY_COLUMNS.get(kind, ()))
        return known


class Join(Rule):
    """Fields that another table brings to the records.

    ``key`` is the joined table's column that holds the value of the records' column ``to``;
    without a key, one row serves all records, such as the date of the extract in a manifest.
    Of several rows with the same key, one without a date in ``unless`` goes first, then
    the one with the latest date in ``latest``, then the latest ``as_of``, then what their
    cells say, not their place.
    """

    table: str
    key: str | None = None
    to: str = "record_id"
    fields: tuple[str, ...]
    unless: str | None = None
    latest: str | None = None

    @property
    def used_columns(self) -> set[str]:
        """Columns of the joined table that the join needs besides its fields."""
        return {name for name in (self.key, self.unless, self.latest) if name}

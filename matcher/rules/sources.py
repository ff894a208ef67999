"""What a source's extract looks like and where its fields come from, as data.

One YAML file in ``linkage_rules/sources/`` describes one source: how its tables are
recognised, which columns become which fields, how dates are written, which rows are
dropped, what it may be used for. A council whose headers differ edits a copy of a file.

Headers match whatever their case, spaces, underscores and punctuation.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from matcher.errors import RuleError, RuleProblem
from matcher.frames import ACTIVITY_COLUMNS, RECORD_DATE_COLUMNS, RECORD_TEXT_COLUMNS
from matcher.rules.document import Rule, load_document, parse_rules

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
    # 1/2/29 is 2029 and 1/2/30 is 1930, as spreadsheets read them. Where rows carry an
    # as-of date, no two-digit year lies after the latest of them.
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


class Example(Rule):
    """A worked example: one input row, rows of other tables, and what must come of it."""

    name: str
    row: dict[str, Cell]
    table: str | None = None
    others: dict[str, tuple[dict[str, Cell], ...]] = Field(default_factory=dict)
    record: dict[str, str | date | None] | None = None
    activity: dict[str, tuple[dict[str, Cell], ...]] = Field(default_factory=dict)
    reject: str | None = None

    _line: int = PrivateAttr(default=1)

    @property
    def line(self) -> int:
        """Where the example stands in its file."""
        return self._line

    @model_validator(mode="after")
    def _expects_something(self) -> "Example":
        if (self.reject is None) == (self.record is None and not self.activity):
            raise ValueError("an example expects either a reject or a record or activity")
        return self


# What cells of these columns mean, unless a definition says otherwise. ``missing`` lists
# what is as good as an empty cell.
DEFAULT_VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "sex": {
        "F": ("f", "female", "girl", "2"),
        "M": ("m", "male", "boy", "1"),
        "missing": ("u", "i", "x", "0", "3", "9", "unknown", "not known", "not specified"),
    },
    "role": {
        "child": ("child", "c"),
        "carer": ("carer", "parent", "parent/carer", "guardian", "adult", "mother", "father"),
    },
    "attended": {
        "yes": ("y", "yes", "true", "t", "1", "attended", "present"),
        "no": ("n", "no", "false", "f", "0", "did not attend", "dna", "absent"),
    },
}

DEFAULT_NULL_TOKENS = (
    *("-", "--", "---", ".", "?", "n/k", "n/a", "unknown", "not known", "not recorded"),
    *("not available", "not stated", "none recorded", "<null>", "(null)", "NULL", "00/00/0000"),
    *("0000-00-00", "00/01/1900"),
)

# What a spreadsheet shows where it has no value, and writes so into CSV. As good as empty
# whatever a definition says, and so is a column of # where a cell was too narrow.
SPREADSHEET_ERRORS = (
    *("#n/a", "#name?", "#value!", "#ref!", "#div/0!", "#num!", "#null!", "#calc!", "#spill!"),
    *("#field!", "#blocked!", "#connect!", "#unknown!", "#busy!", "#getting_data"),
)


class SourceDefinition(Rule):
    """How one source's extracts are read, and what they may be used for.

    ``null_tokens`` are cells as good as empty; one in capitals matches capitals only, so
    that a family called Null keeps its name. ``field_purposes`` are the only purposes for
    which a field may be used; a field that is not listed follows ``purposes``.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    path: tuple[Literal["file", "folder", "zip"], ...]
    encodings: tuple[Literal["utf-8", "cp1252"], ...] = ("utf-8", "cp1252")
    tables: tuple[Table, ...] = Field(min_length=1)
    joins: tuple[Join, ...] = ()
    dates: DateRules = Field(default_factory=DateRules)
    null_tokens: tuple[str, ...] = DEFAULT_NULL_TOKENS
    values: dict[str, dict[str, Names]] = Field(default_factory=dict)
    role: Literal["child", "carer"] = "child"
    name_order: Literal["forename_first", "surname_first"] | None = None
    one_record_per_child: bool
    lawful_basis: str
    purposes: tuple[str, ...] = Field(min_length=1)
    agreement_ends: date | None = None
    field_purposes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    _file: Path = PrivateAttr(default=Path())

    @property
    def file(self) -> Path:
        """The YAML file that this was read from."""
        return self._file

    def table(self, name: str) -> Table:
        """The table of that name. Raises KeyError."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def value_map(self, column: str) -> dict[str, str | None]:
        """Meaning of each cell of a coded column, by its case-folded text."""
        meanings = self.values.get(column, DEFAULT_VALUES.get(column, {}))
        return {
            text.casefold(): None if meaning == "missing" else meaning
            for meaning, texts in meanings.items()
            for text in texts
        }

    @model_validator(mode="after")
    def _parts_agree(self) -> "SourceDefinition":
        mistakes = [*self._join_mistakes(), *self._column_mistakes(), *self._example_mistakes()]
        if len({table.name for table in self.tables}) < len(self.tables):
            mistakes.append("two tables have the same name")
        if not any("records" in table.yields for table in self.tables):
            mistakes.append("no table yields records")
        mistakes += [
            f"field_purposes: {field!r} is not a field of a record"
            for field in self.field_purposes
            if field not in RECORD_FIELDS
        ]
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    def _join_mistakes(self) -> list[str]:
        names = {table.name for table in self.tables}
        mistakes = []
        for join in self.joins:
            if join.table not in names:
                mistakes.append(f"joins: no table {join.table!r}")
                continue
            joined = self.table(join.table)
            offered = set(joined.columns) | ({"address"} if joined.address else set())
            mistakes += [
                f"joins: table {join.table!r} has no column {column!r}"
                for column in sorted((join.used_columns | set(join.fields)) - offered)
            ]
            mistakes += [
                f"joins: {column!r} is not a field of a record"
                for column in sorted(set(join.fields) - set(RECORD_FIELDS))
            ]
        return mistakes

    def _column_mistakes(self) -> list[str]:
        mistakes = []
        for table in self.tables:
            known = table.used_columns | table.yielded_columns
            for join in self.joins:
                if join.table == table.name:
                    known |= join.used_columns | set(join.fields)
                elif "records" in table.yields and join.key:
                    known.add(join.to)
            mistakes += [
                f"table {table.name!r}: column {column!r} is neither a field nor used"
                for column in table.columns
                if column not in known
            ]
        return mistakes

    def _example_mistakes(self) -> list[str]:
        names = {table.name for table in self.tables}
        return [
            f"example {example.name!r}: no table {table!r}"
            for example in self.examples
            for table in ({example.table} if example.table else set()) | set(example.others)
            if table not in names
        ]


def load_source_definition(path: Path) -> SourceDefinition:
    """One definition. Raises RuleError with every problem of the file."""
    definition = parse_rules(SourceDefinition, path)
    _, positions = load_document(path)
    if definition.name != path.stem:
        line = positions.line_of(("name",))
        message = f"name: the file is called {path.name}, so the name must be {path.stem!r}"
        raise RuleError([RuleProblem(path, line, message)])
    definition._file = path
    for index, example in enumerate(definition.examples):
        example._line = positions.line_of(("examples", index))
    return definition


def load_source_definitions(directory: Path) -> dict[str, SourceDefinition]:
    """Every definition of a folder, by name.

    Raises RuleError with all problems of all files, or if the folder holds none.
    """
    definitions: dict[str, SourceDefinition] = {}
    problems: list[RuleProblem] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            definitions[path.stem] = load_source_definition(path)
        except RuleError as error:
            problems.extend(error.problems)
    if not definitions and not problems:
        problems.append(RuleProblem(directory, 1, "holds no source definition (*.yaml)"))
    if problems:
        raise RuleError(problems)
    return definitions

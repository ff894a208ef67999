"""What a source's extract looks like and where its fields come from, as data.

One YAML file in ``linkage_rules/sources/`` describes one source: how its tables are
recognised, which columns become which fields, how dates are written, which rows are
dropped, what it may be used for. A council whose headers differ edits a copy of a file.

Headers match whatever their case, spaces, underscores and punctuation.
"""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr, model_validator

from matcher.errors import RuleError, RuleProblem
from matcher.rules.document import Rule, load_document, parse_rules
from matcher.rules.tables import RECORD_FIELDS, Cell, DateRules, Join, Names, Table


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

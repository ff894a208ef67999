"""Rules of a directory: found, loaded as a whole, checked with their worked examples."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import api
from matcher.check import check_linkage_rules, unknown_columns
from matcher.errors import ModelError, RuleError, RuleProblem
from matcher.outcomes import Measure, check_measures, load_measures
from matcher.read import run_examples as run_source_examples
from matcher.rules.document import Location, load_document
from matcher.rules.library import LinkageRules, load_linkage_rules
from matcher.rules.model import Model, load_model
from matcher.rules.sources import SourceDefinition, load_source_definitions
from matcher.standardise import STANDARDISED_COLUMNS

GENERIC = "generic"


@dataclass(frozen=True)
class RuleBook:
    """Everything that a directory of rules holds, and its hash."""

    directory: Path
    linkage: LinkageRules
    sources: dict[str, SourceDefinition]
    measures: dict[str, Measure]
    content_hash: str

    def definition(self, source: str) -> SourceDefinition:
        """The source's own definition, or the generic one."""
        return self.sources.get(source) or self.sources[GENERIC]


def shipped_rules() -> Path:
    """The directory of the rules that come with this software."""
    return Path(api.__file__).parent.parent / "linkage_rules"


def load_rule_book(directory: Path) -> RuleBook:
    """Rules of a directory. Raises RuleError with the problems of all files at once."""
    problems: list[RuleProblem] = []
    linkage: LinkageRules | None = None
    sources: dict[str, SourceDefinition] = {}
    measures: dict[str, Measure] = {}
    try:
        linkage = load_linkage_rules(directory)
        problems += unknown_columns(linkage, directory / "matching.yaml")
    except RuleError as error:
        problems += error.problems
    try:
        sources = load_source_definitions(directory / "sources")
    except RuleError as error:
        problems += error.problems
    else:
        if GENERIC not in sources:
            message = f"holds no {GENERIC}.yaml, which reads sources without a definition"
            problems.append(RuleProblem(directory / "sources", 1, message))
    try:
        measures = load_measures(directory / "measures")
    except RuleError as error:
        problems += error.problems
    if problems or linkage is None:
        raise RuleError(problems)
    return RuleBook(directory, linkage, sources, measures, _hash_of(directory))


def shipped_model(book: RuleBook) -> Model:
    """The model that comes with a directory of rules."""
    return load_model(book.directory / "models" / "shipped.yaml", book.linkage.matching)


def check_rules(directory: Path) -> tuple[list[RuleProblem], int]:
    """Every problem of every rule file, examples run; and the number of files looked at."""
    count = len(list(directory.rglob("*.yaml")))
    try:
        book = load_rule_book(directory)
    except RuleError as error:
        known = {(problem.file, problem.message) for problem in error.problems}
        more = _columns_named_in_vain(directory / "matching.yaml")
        more = [problem for problem in more if (problem.file, problem.message) not in known]
        return sorted([*error.problems, *more]), count
    problems = check_linkage_rules(book.linkage, directory)
    for definition in book.sources.values():
        problems += run_source_examples(definition)
    problems += check_measures(directory / "measures")
    for path in sorted((directory / "models").glob("*.yaml")):
        try:
            load_model(path, book.linkage.matching)
        except ModelError as error:
            problems.append(RuleProblem(path, 1, str(error)))
    return sorted(problems), count


_NAME_COLUMNS = {"key", "against", "narrow_by", "needs", "same", "same_across", "swapped"}
_NAME_COLUMNS |= {"present", "either", "shares", "column", "term_frequency"}


def _columns_named_in_vain(path: Path) -> list[RuleProblem]:
    """Columns that no record has, in matching rules that need not be right otherwise."""
    try:
        data, positions = load_document(path)
    except RuleError:
        return []
    if not isinstance(data, dict):
        return []
    unknown: dict[str, RuleProblem] = {}
    for part in ("blocking", "comparisons"):
        for place, name in _named_columns(data.get(part), (part,)):
            if name not in STANDARDISED_COLUMNS and name not in unknown:
                message = f"there is no column {name!r}"
                unknown[name] = RuleProblem(path, positions.line_of(place), message)
    return list(unknown.values())


def _named_columns(data: Any, at: Location) -> Iterator[tuple[Location, str]]:
    """Every column named in a part of the matching rules, and where."""
    if isinstance(data, list):
        for number, item in enumerate(data):
            yield from _named_columns(item, (*at, number))
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        place = (*at, str(key))
        if key in _NAME_COLUMNS:
            names = enumerate(value) if isinstance(value, list) else [(0, value)]
            yield from (((*place, n), name) for n, name in names if isinstance(name, str))
        elif not (key == "levels" and isinstance(value, dict)):  # these name comparisons
            yield from _named_columns(value, place)


def _hash_of(directory: Path) -> str:
    """SHA-256 over the names and contents of all rule files, models left out."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*.yaml")):
        name = path.relative_to(directory)
        if name.parts[0] != "models":
            digest.update(f"{name.as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()

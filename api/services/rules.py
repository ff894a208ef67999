"""Rules of a directory: found, loaded as a whole, checked with their worked examples."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import api
from matcher.check import check_linkage_rules, unknown_columns
from matcher.errors import ModelError, RuleError, RuleProblem
from matcher.outcomes import Measure, check_measures, load_measures
from matcher.read import run_examples as run_source_examples
from matcher.rules.library import LinkageRules, load_linkage_rules
from matcher.rules.model import Model, load_model
from matcher.rules.sources import SourceDefinition, load_source_definitions

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
        return error.problems, count
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


def _hash_of(directory: Path) -> str:
    """SHA-256 over the names and contents of all rule files, models left out."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*.yaml")):
        name = path.relative_to(directory)
        if name.parts[0] != "models":
            digest.update(f"{name.as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()

"""Rules of a directory: found, loaded as a whole, checked with their worked examples."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import api
from matcher.check import check_linkage_rules, unknown_columns
from matcher.errors import RuleError, RuleProblem
from matcher.outcomes import Measure, check_measures, load_measures
from matcher.read import run_examples as run_source_examples
from matcher.rules.document import load_document, parse_rules
from matcher.rules.library import LinkageRules, ReadableRules, read_linkage_rules
from matcher.rules.loading import LoadingRules, failing_examples
from matcher.rules.model import Model, load_model, read_model
from matcher.rules.source_names import purpose_mistakes, source_mistakes
from matcher.rules.sources import SourceDefinition, load_source_definition
from matcher.rules.strays import stray_files

GENERIC = "generic"


@dataclass(frozen=True)
class RuleBook:
    """Everything that a directory of rules holds, and its hash."""

    directory: Path
    linkage: LinkageRules
    sources: dict[str, SourceDefinition]
    measures: dict[str, Measure]
    loading: LoadingRules
    content_hash: str

    def definition(self, source: str) -> SourceDefinition:
        """The source's own definition, or the generic one."""
        return self.sources.get(source) or self.sources[GENERIC]


def shipped_rules() -> Path:
    """The directory of the rules that come with this software."""
    return Path(api.__file__).parent.parent / "linkage_rules"


def load_rule_book(directory: Path) -> RuleBook:
    """Rules of a directory. Raises RuleError with the problems of all files at once."""
    found = _read_rules(directory)
    linkage, loading = found.linkage.whole(), found.loading
    if found.problems or linkage is None or loading is None:
        raise RuleError(found.problems)
    return RuleBook(directory, linkage, found.sources, found.measures, loading, _hash_of(directory))


@dataclass(frozen=True)
class _Found:
    """What a directory of rules holds, as far as it can be read, and what is wrong with it."""

    linkage: ReadableRules
    sources: dict[str, SourceDefinition]
    measures: dict[str, Measure]
    loading: LoadingRules | None
    problems: list[RuleProblem]


def _read_rules(directory: Path) -> _Found:
    linkage, problems = read_linkage_rules(directory)
    problems += unknown_columns(directory / "matching.yaml")
    sources, wrong = _read_sources(directory / "sources")
    problems += wrong or purpose_mistakes(sources)
    problems += source_mistakes(directory, sources)
    measures: dict[str, Measure] = {}
    try:
        measures = load_measures(directory / "measures")
    except RuleError as error:
        problems += error.problems
    loading: LoadingRules | None = None
    try:
        loading = parse_rules(LoadingRules, directory / "loading.yaml")
    except RuleError as error:
        problems += error.problems
    return _Found(linkage, sources, measures, loading, [*problems, *stray_files(directory)])


def _read_sources(directory: Path) -> tuple[dict[str, SourceDefinition], list[RuleProblem]]:
    """The definitions that can be read, and what is wrong with the others."""
    problems: list[RuleProblem] = []
    if not (directory / f"{GENERIC}.yaml").exists():
        message = f"holds no {GENERIC}.yaml, which reads sources without a definition"
        problems.append(RuleProblem(directory, 1, message))
    sources: dict[str, SourceDefinition] = {}
    for path in sorted(directory.glob("*.yaml")):
        try:
            sources[path.stem] = load_source_definition(path)
        except RuleError as error:
            problems += error.problems
    return sources, problems


def shipped_model(book: RuleBook) -> Model:
    """The model that comes with a directory of rules."""
    return load_model(book.directory / "models" / "shipped.yaml", book.linkage.matching)


def check_rules(directory: Path) -> tuple[list[RuleProblem], int]:
    """Every problem of every rule file, examples run; and the number of files looked at.

    What is wrong with one file hides nothing that can be told of the others.
    """
    found = _read_rules(directory)
    problems = {*found.problems, *check_linkage_rules(found.linkage, directory)}
    for definition in found.sources.values():
        problems |= set(run_source_examples(definition))
    problems |= set(check_measures(directory / "measures"))
    problems |= set(_loading_examples(directory / "loading.yaml", found.loading))
    if found.linkage.matching is not None:
        for path in sorted((directory / "models").glob("*.yaml")):
            try:
                read_model(path, found.linkage.matching)
            except RuleError as error:
                problems |= set(error.problems)
    return sorted(problems), len(list(directory.rglob("*.yaml")))


def _loading_examples(path: Path, rules: LoadingRules | None) -> list[RuleProblem]:
    failures = [] if rules is None else list(failing_examples(rules))
    if not failures:
        return []
    _, positions = load_document(path)
    return [
        RuleProblem(path, positions.line_of(("examples", number)), message)
        for number, message in failures
    ]


def _hash_of(directory: Path) -> str:
    """SHA-256 over the names and contents of all rule files, models left out."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*.yaml")):
        name = path.relative_to(directory)
        if name.parts[0] != "models":
            digest.update(f"{name.as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()

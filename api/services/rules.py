"""Rules of a directory: found, loaded as a whole, checked with their worked examples."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import api
from matcher.check import check_linkage_rules, unknown_columns
from matcher.errors import RuleError, RuleProblem
from matcher.outcomes import PROFILES, Measure, Profile, check_measures, load_measures
from matcher.read import run_examples as run_source_examples
from matcher.rules import groups as group_rules
from matcher.rules import loading as loading_rules
from matcher.rules import retention as retention_rules
from matcher.rules import review as review_rules
from matcher.rules.disclosure import DisclosureRules
from matcher.rules.document import Rule, load_document, parse_rules
from matcher.rules.groups import GroupRules
from matcher.rules.library import LinkageRules, ReadableRules, read_linkage_rules
from matcher.rules.loading import LoadingRules
from matcher.rules.model import Model, load_model, read_model
from matcher.rules.retention import RetentionRules
from matcher.rules.review import ReviewRules
from matcher.rules.source_names import purpose_mistakes, source_mistakes
from matcher.rules.sources import SourceDefinition, load_source_definition
from matcher.rules.strays import stray_files

GENERIC = "generic"

# Rule files that say how work is done; none of them changes what is linked.
POLICIES = ("disclosure.yaml", "groups.yaml", "loading.yaml", "retention.yaml", "review.yaml")

RuleT = TypeVar("RuleT", bound=Rule)


@dataclass(frozen=True)
class RuleBook:
    """Everything that a directory of rules holds, and its hash."""

    directory: Path
    linkage: LinkageRules
    sources: dict[str, SourceDefinition]
    measures: dict[str, Measure]
    loading: LoadingRules
    review: ReviewRules
    retention: RetentionRules
    disclosure: Profile
    groups: GroupRules
    content_hash: str

    def definition(self, source: str) -> SourceDefinition:
        """The source's own definition, or the generic one."""
        return self.sources.get(source) or self.sources[GENERIC]

    @property
    def titles(self) -> dict[str, str]:
        """What the sources that are defined are called, by name."""
        return {one.name: one.title for one in self.sources.values() if one.name != GENERIC}


def shipped_rules() -> Path:
    """The directory of the rules that come with this software."""
    return Path(api.__file__).parent.parent / "linkage_rules"


def load_rule_book(directory: Path) -> RuleBook:
    """Rules of a directory. Raises RuleError with the problems of all files at once."""
    found = _read_rules(directory)
    linkage, loading, review = found.linkage.whole(), found.loading, found.review
    retention, disclosure, groups = found.retention, found.disclosure, found.groups
    if (
        found.problems
        or not (linkage and loading and review)
        or not (retention and disclosure and groups)
    ):
        raise RuleError(found.problems)
    return RuleBook(
        directory,
        linkage,
        found.sources,
        found.measures,
        loading,
        review,
        retention,
        PROFILES[disclosure.profile],
        groups,
        _hash_of(directory),
    )


@dataclass(frozen=True)
class _Found:
    """What a directory of rules holds, as far as it can be read, and what is wrong with it."""

    linkage: ReadableRules
    sources: dict[str, SourceDefinition]
    measures: dict[str, Measure]
    loading: LoadingRules | None
    review: ReviewRules | None
    retention: RetentionRules | None
    disclosure: DisclosureRules | None
    groups: GroupRules | None
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
    loading, wrong = _read_one(LoadingRules, directory / "loading.yaml")
    problems += wrong
    review, wrong = _read_one(ReviewRules, directory / "review.yaml")
    problems += wrong
    retention, wrong = _read_one(RetentionRules, directory / "retention.yaml")
    problems += wrong
    disclosure, wrong = _read_one(DisclosureRules, directory / "disclosure.yaml")
    problems += wrong
    groups, wrong = _read_one(GroupRules, directory / "groups.yaml")
    problems += wrong
    problems += stray_files(directory)
    return _Found(
        linkage, sources, measures, loading, review, retention, disclosure, groups, problems
    )


def _read_one(model: type[RuleT], path: Path) -> tuple[RuleT | None, list[RuleProblem]]:
    """A file of rules, or what is wrong with it."""
    try:
        return parse_rules(model, path), []
    except RuleError as error:
        return None, list(error.problems)


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
    if found.loading is not None:
        failures = loading_rules.failing_examples(found.loading)
        problems |= set(_examples_of(directory / "loading.yaml", failures))
    if found.review is not None:
        failures = review_rules.failing_examples(found.review)
        problems |= set(_examples_of(directory / "review.yaml", failures))
    if found.groups is not None:
        failures = group_rules.failing_examples(found.groups)
        problems |= set(_examples_of(directory / "groups.yaml", failures))
    if found.retention is not None:
        failures = retention_rules.failing_examples(found.retention)
        problems |= set(_examples_of(directory / "retention.yaml", failures))
    if found.linkage.matching is not None:
        for path in sorted((directory / "models").glob("*.yaml")):
            try:
                read_model(path, found.linkage.matching)
            except RuleError as error:
                problems |= set(error.problems)
    return sorted(problems), len(list(directory.rglob("*.yaml")))


def _examples_of(path: Path, failures: Iterable[tuple[int, str]]) -> list[RuleProblem]:
    """Problems where the examples stand that fail."""
    found = list(failures)
    if not found:
        return []
    _, positions = load_document(path)
    return [
        RuleProblem(path, positions.line_of(("examples", number)), message)
        for number, message in found
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

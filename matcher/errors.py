"""What can go wrong, as one tree.

    MatcherError
    ├── RuleError         a rule file is wrong; carries every problem with file and line
    ├── ExtractRefused    a file cannot be what it is said to be; nothing of it is used
    ├── ModelError        a model does not fit the rules or has been altered
    └── DataError         the data, though readable, cannot be worked with

Messages name the place, the kind of the value and the remedy, never a child's data.
"""

from dataclasses import dataclass
from pathlib import Path


class MatcherError(Exception):
    """Anything that the core refuses, with a message that may be shown to anybody."""


@dataclass(frozen=True, slots=True, order=True)
class RuleProblem:
    """One mistake in a rule file. ``line`` counts from 1."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class RuleError(MatcherError):
    """One or more rule files are wrong. ``problems`` holds all of them, in file order."""

    def __init__(self, problems: list[RuleProblem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ExtractRefused(MatcherError):  # noqa: N818 - it says what was done, as DataError cannot
    """A whole extract is refused. ``code`` is stable; ``file`` is a name, never a value."""

    def __init__(self, source: str, file: str, code: str, message: str) -> None:
        self.source, self.file, self.code, self.message = source, file, code, message
        super().__init__(": ".join(part for part in (source, file, message) if part))


class ModelError(MatcherError):
    """A model file cannot be used with these rules."""


class DataError(MatcherError):
    """The input is readable but cannot be worked with, for example no child at all."""

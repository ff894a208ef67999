"""What is said when a call fails: one message, its exit status, and the same for programs.

Exit status: 1 the data or the rules have a problem, 2 the call was wrong.
"""

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.services.extracts import NewSourceError
from api.settings import SettingsError
from matcher.errors import ExtractRefused, MatcherError, RuleError

# How the library that reads calls words what is wrong with a value, and how we do.
_OF_THE_LIBRARY = (
    ("Value error, ", ""),
    (
        "Input should be a valid integer, unable to parse string as an integer",
        "give a whole number",
    ),
    ("Input should be a valid number, unable to parse string as a number", "give a number"),
    ("Input should be", "it should be"),
)


@dataclass(frozen=True)
class Failure:
    """A failure as it is told, if anything is left to tell. ``details`` are for programs."""

    status: int
    message: str
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"status": self.status, "message": self.message, **self.details}


def tell(error: Exception) -> Failure:
    """What to say of an error.

    The text of an unforeseen error is not shown, since it might quote somebody's details.
    """
    if isinstance(error, NewSourceError):
        return Failure(1, f"{error}: --new-source", details=_details(error))
    if isinstance(error, MatcherError):
        return Failure(1, "; ".join([str(error), *_stays(error)]), details=_details(error))
    if isinstance(error, SettingsError):
        return Failure(2, str(error))
    if isinstance(error, OSError):
        where = Path(error.filename).name if error.filename else "a file"
        return Failure(1, f"{where}: {error.strerror or 'cannot be read or written'}")
    if isinstance(error, MemoryError):
        return Failure(1, f"there is not enough memory for this; {_written(error)}")
    wrong_call = getattr(error, "format_message", None)
    if wrong_call is not None:
        return _wrong_call(error, str(wrong_call()))
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Failure(
        1,
        f"this is a fault of the software: {type(error).__name__} at "
        f"{Path(place.filename).name}:{place.lineno}; {_written(error)}",
    )


def _written(error: Exception) -> str:
    return "; ".join(_stays(error)) or "nothing was written"


def _stays(error: Exception) -> list[str]:
    """What was done before the error and stays, as it was noted where that is known."""
    return getattr(error, "__notes__", [])


def _details(error: MatcherError) -> dict[str, Any]:
    if isinstance(error, RuleError):
        problems = [
            {"file": str(p.file), "line": p.line, "message": p.message} for p in error.problems
        ]
        return {"problems": problems}
    if isinstance(error, ExtractRefused):
        return {"source": error.source, "file": error.file, "code": error.code}
    return {}


def _wrong_call(error: Exception, message: str) -> Failure:
    """A mistake that the command line found, with where to read how it is called."""
    if type(error).__name__ == "NoArgsIsHelpError":  # it has shown the help already
        return Failure(2, "")
    for theirs, ours in _OF_THE_LIBRARY:
        message = message.replace(theirs, ours)
    context = getattr(error, "ctx", None)
    path = "matcher" if context is None else context.command_path
    return Failure(2, message, hint=f"\nTry '{path} --help'.")

"""What requests say in JSON: it is taken as it is written, and nothing is read into it."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# Years in which somebody of a child register was born, or a source held something.
_EARLIEST, _LATEST = date(1900, 1, 1), date(2100, 12, 31)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Body(BaseModel):
    """What clients send says nothing else, and everything in its own type: 3 is not "3"."""

    model_config = ConfigDict(extra="forbid", strict=True)


def whole(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a body, with a whole one that works in the invented town."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def example(answer: dict[str, Any]) -> ConfigDict:
    """The configuration of an answer, with a whole one as it may be."""
    return ConfigDict(json_schema_extra={"examples": [answer]})


def _day(said: Any) -> Any:
    if isinstance(said, date):  # of our own
        return said
    try:
        if _DAY.fullmatch(said):
            return date.fromisoformat(said)
    except (TypeError, ValueError):
        pass
    raise ValueError("give a date as YYYY-MM-DD")


def _not_too_early(day: date) -> date:
    if day < _EARLIEST:
        raise ValueError(f"give a day from {_EARLIEST} on")
    return day


def _not_too_late(day: date) -> date:
    if day > _LATEST:
        raise ValueError(f"give a day until {_LATEST}")
    return day


# One that may be yet to come; where that cannot be, the services say so.
AnyDay = Annotated[date, BeforeValidator(_day), AfterValidator(_not_too_early)]
Day = Annotated[AnyDay, AfterValidator(_not_too_late)]
# Of a value of an enumeration, whose own type JSON does not have.
named = Field(strict=False)

"""Why an extract waits for a person, in words."""

from collections.abc import Mapping
from typing import Any

_SAYS = {
    "empty": "there is no record in it",
    "rejects": "{found:.0%} of its rows could not become records (the rules allow {bound:.0%})",
    "gone": "{found:.0%} of the source's records are not in it (the rules allow {bound:.0%})",
    "activity_gone": (
        "{field}: it holds {found:.0%} fewer than the source has now of the records that it lists "
        "(the rules allow {bound:.0%})"
    ),
    "changed": "{found:.0%} of its records say something else (the rules allow {bound:.0%})",
    "another_person": (
        "{found:.0%} of the records that it lists and that were there before have another name and "
        "another date of birth (the rules allow {bound:.0%}): the source may have given their ids "
        "to other people, or another column may be read as the id"
    ),
    "fewest": "it holds {found:.0%} as many records as the source has now (at least {bound:.0%})",
    "most": "it holds {found:.1f} times as many records as the source has now (at most {bound:g})",
    "completeness": "{field} is filled in {found:.0%} fewer records (the rules allow {bound:.0%})",
    "same_date": (
        "another extract of the source with the same date is in the register; this one would take "
        "its place"
    ),
    "shielded": (
        "{found:.0f} of its rows, or more, are or may be of shielded children; only "
        "somebody who is cleared may let it in"
    ),
    "new_columns": "it is the first extract read with the columns that a person selected",
}


def stop_says(stop: Mapping[str, Any]) -> str:
    """One entry of a report's ``stops`` as part of a sentence."""
    code: str = stop["code"]
    return _SAYS.get(code, code).format(**stop)

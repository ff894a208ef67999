"""What can be used of what somebody says of a person, and whether it is enough to be certain."""

from collections.abc import Mapping

from api.services.extracts.quality import unusable_fields
from matcher.rules.library import LinkageRules
from matcher.standardise import standardise_record

# What a person can be looked for by, as standardised.
_FOUND_BY = (
    "forename", "surname", "known_as", "former_surname", "date_of_birth", "nhs_number_valid",
    "upn_valid", "former_upn", "address", "postcode",
)  # fmt: skip
_IDENTIFIERS = ("nhs_number_valid", "upn_valid")


class Usable:
    """What can be used of one person, by columns of RECORDS as text."""

    def __init__(self, said: Mapping[str, str], rules: LinkageRules) -> None:
        self._known = standardise_record(dict(said), rules.names, rules.values)
        self.left_out = unusable_fields(said, rules)

    @property
    def anything(self) -> bool:
        """Whether there is anything to look for the person by."""
        return any(self._known.get(name) for name in _FOUND_BY)

    @property
    def enough(self) -> bool:
        """Whether the person is described well enough that a candidate can be certain.

        By forename, surname and date of birth, or by an identifier beside both names or the
        date. Less can reach the upper threshold where a name is rare, or an NHS number was
        written down for another person, and nobody may be there to notice.
        """
        named = bool(self._known.get("forename") and self._known.get("surname"))
        born = bool(self._known.get("date_of_birth"))
        numbered = any(self._known.get(name) for name in _IDENTIFIERS)
        return (named and born) or (numbered and (named or born))

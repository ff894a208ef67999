"""Values that stand where the real one is not known: linking takes them as missing."""

from matcher.rules.library import LinkageRules
from matcher.standardise import values
from matcher.standardise.names import standardise_family, standardise_given


def is_placeholder(field: str, text: str, rules: LinkageRules) -> bool:
    """Whether linking reads a field as if nothing stood there, such as "Baby" or 1 January.

    ``text`` is as written, a date YYYY-MM-DD.
    """
    if field == "forename":
        return bool(standardise_given(text, None, rules.names).placeholder_name)
    if field == "surname":
        return not standardise_family(text, rules.names).surname
    if field == "date_of_birth":
        return values.is_placeholder_date(text, rules.values)
    if field == "postcode":
        return not values.standardise_postcode(text, rules.values)
    return field == "address" and values.is_placeholder_address(text, rules.values)

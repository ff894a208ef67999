"""How each standardised column follows from one other column, value by value.

Written once, for whole frames (a function runs once per distinct value) and for a single
record alike.
"""

from collections.abc import Callable
from functools import cache

from matcher.rules.names import NameRules
from matcher.rules.values import ValueRules
from matcher.standardise import names, values

#: Letters of a forename that is probably the beginning of one, cut by the width of a field.
CUT_LENGTH = 2

#: Column to the column that it follows from and the function; in order of computation.
Derivations = dict[str, tuple[str, Callable[[str], str | None]]]


def derivations(name_rules: NameRules, value_rules: ValueRules) -> Derivations:
    """Every column that follows from one other. An empty or missing result is missing."""
    return {
        **_given(name_rules),
        **_family(name_rules),
        **_birth(value_rules),
        **_place(value_rules),
        **_IDENTIFIERS,
    }


def _given(rules: NameRules) -> Derivations:
    return {
        "known_as": (
            "written_known_as",
            lambda text: names.standardise_given(text, None, rules).forename,
        ),
        "forename_4": ("forename", lambda name: name[:4]),
        "forename_initial": ("forename", lambda name: name[:1]),
        "forename_forms": ("forename", lambda name: names.forename_forms(name, rules)),
        "forename_known": ("forename", lambda name: rules.forename_family_of.get(name)),
        "forename_sound": ("forename", names.sound),
        "forename_cut": ("forename", lambda name: "1" if len(name) == CUT_LENGTH else None),
        "forename_starts": ("forename", lambda name: names.forename_starts(name, rules)),
        "forename_family": ("forename", lambda name: names.surname_family(name, rules)),
        "middle_1": ("middle_names", lambda text: text.split()[0]),
        "second_name": ("middle_1", lambda name: name if len(name) > 1 else None),
    }


def _family(rules: NameRules) -> Derivations:
    # Four columns ask for parts of the same.
    @cache
    def family(text: str) -> names.FamilyName:
        return names.standardise_family(text, rules)

    def part(field: str) -> Callable[[str], str | None]:
        return lambda text: getattr(family(text), field)

    return {
        "surname": ("written_surname", part("surname")),
        "surname_first": ("written_surname", part("surname_first")),
        "surname_last": ("written_surname", part("surname_last")),
        "surname_honorific": ("written_surname", part("honorific")),
        "former_surname": ("written_former_surname", part("surname")),
        "surname_as_given": (
            "written_surname",
            lambda text: names.standardise_given(text, None, rules).forename,
        ),
        "surname_4": ("surname", lambda name: name[:4]),
        "surname_family": ("surname", lambda name: names.surname_family(name, rules)),
    }


def _birth(rules: ValueRules) -> Derivations:
    def usable(day: str) -> str | None:
        return None if values.is_placeholder_date(day, rules) else day

    return {
        "date_of_birth": ("written_date_of_birth", usable),
        "placeholder_date": ("written_date_of_birth", lambda day: None if usable(day) else "1"),
        "date_of_birth_swapped": ("date_of_birth", values.swap_day_and_month),
        "birth_year": ("date_of_birth", lambda day: day[:4]),
        "birth_month": ("date_of_birth", lambda day: day[5:7]),
        "birth_day": ("date_of_birth", lambda day: day[8:]),
        "uncertain_day": (
            "date_of_birth",
            lambda day: "1" if int(day[8:]) in rules.uncertain_days else None,
        ),
    }


def _place(rules: ValueRules) -> Derivations:
    return {
        "postcode": (
            "written_postcode",
            lambda text: values.standardise_postcode(text, rules),
        ),
        "postcode_district": ("postcode", values.postcode_district),
        "address": ("written_address", lambda text: values.standardise_address(text, rules)),
        "address_5": ("address", lambda text: text[:5]),
    }


_IDENTIFIERS: Derivations = {
    "nhs_number": ("written_nhs_number", values.standardise_nhs_number),
    "nhs_number_valid": (
        "nhs_number",
        lambda text: text if values.is_valid_nhs_number(text) else None,
    ),
    "upn": ("written_upn", values.standardise_upn),
    "upn_valid": ("upn", lambda text: text if values.is_valid_upn(text) else None),
    "former_upn": ("written_former_upn", values.standardise_upn),
}

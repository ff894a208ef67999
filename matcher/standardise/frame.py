"""The STANDARDISED frame: one row per record, every column categorical.

| column | meaning |
|---|---|
| forename | first given name that distinguishes |
| forename_4 | its first four letters |
| forename_initial | its first letter |
| forename_forms | names that it may stand for, itself included |
| forename_sound | how it sounds |
| middle_names, middle_1 | further given names; the first of them |
| known_as | preferred given name |
| name_prefix | set-apart prefix such as MOHAMMED |
| prefix_only, placeholder_name | "1" where there is nothing but that |
| multiple_birth | "1" where the placeholder says twin or triplet |
| surname, surname_4 | likewise |
| surname_family | spelling family, base form or sound |
| surname_first, surname_last | parts of a double surname |
| surname_honorific | "1" where the surname is one such as BEGUM |
| former_surname | earlier surname |
| date_of_birth | YYYY-MM-DD; missing if it is a placeholder |
| date_of_birth_swapped | day and month exchanged, where that is another date |
| birth_year, birth_month, birth_day | its parts |
| placeholder_date, uncertain_day | "1" where so |
| sex | F or M |
| postcode, postcode_district | whole, and outward part |
| address, address_5 | number and street; its first five characters |
| nhs_number, nhs_number_valid | ten digits; only where the check digit fits |
| upn, upn_valid, former_upn | well-formed; only where the check letter fits |
| source | the system that holds the record |
| family | family id, qualified by its source |
| written_forename, written_surname, written_address | as written, for people to read |
"""

import html
from collections.abc import Callable

import numpy as np
import pandas as pd

from matcher.rules.names import NameRules
from matcher.rules.values import ValueRules
from matcher.standardise import names, values
from matcher.standardise.distinct import Codes, derive, distinct_rows, spread

STANDARDISED_COLUMNS = (
    "forename",
    "forename_4",
    "forename_initial",
    "forename_forms",
    "forename_sound",
    "middle_names",
    "middle_1",
    "known_as",
    "name_prefix",
    "prefix_only",
    "placeholder_name",
    "multiple_birth",
    "surname",
    "surname_4",
    "surname_family",
    "surname_first",
    "surname_last",
    "surname_honorific",
    "former_surname",
    "date_of_birth",
    "date_of_birth_swapped",
    "birth_year",
    "birth_month",
    "birth_day",
    "placeholder_date",
    "uncertain_day",
    "sex",
    "postcode",
    "postcode_district",
    "address",
    "address_5",
    "nhs_number",
    "nhs_number_valid",
    "upn",
    "upn_valid",
    "former_upn",
    "source",
    "family",
    "written_forename",
    "written_surname",
    "written_address",
)

Columns = dict[str, pd.Categorical]


def standardise(
    records: pd.DataFrame, name_rules: NameRules, value_rules: ValueRules
) -> pd.DataFrame:
    """STANDARDISED, with the index of ``records`` (RECORDS, see `matcher.frames`)."""
    columns: Columns = {}
    columns |= _names(records, name_rules)
    columns |= _dates(records["date_of_birth"], value_rules)
    columns |= _places(records, value_rules)
    columns |= _identifiers(records)
    columns["source"] = records["source"].array
    columns["sex"] = records["sex"].array
    families, inverse = distinct_rows([records["source"], records["family_id"]])
    columns["family"] = spread([f"{s}:{f}" if f else None for s, f in families], inverse)
    return pd.DataFrame(
        {name: columns[name] for name in STANDARDISED_COLUMNS}, index=records.index, copy=False
    )


def _names(records: pd.DataFrame, rules: NameRules) -> Columns:
    whole, which = distinct_rows([records["name"], records["name_order"]])
    split = [names.split_name(name, order) if name else ("", "") for name, order in whole]
    forename = _fill(records["forename"], [forename for forename, _ in split], which)
    surname = _fill(records["surname"], [surname for _, surname in split], which)

    given, inverse = distinct_rows([forename, records["middle_names"]])
    parts = [names.standardise_given(first, rest, rules) for first, rest in given]
    columns = {
        field: spread([getattr(part, field) for part in parts], inverse)
        for field in names.GivenName._fields
    }
    columns["written_forename"] = derive(forename.array, html.unescape)
    columns["written_surname"] = derive(surname.array, html.unescape)
    known = distinct_rows([records["known_as"]])
    known_parts = [names.standardise_given(name, None, rules).forename for (name,) in known[0]]
    columns["known_as"] = spread(known_parts, known[1])

    family, inverse = distinct_rows([surname])
    surnames = [names.standardise_family(name, rules) for (name,) in family]
    for field in ("surname", "surname_first", "surname_last"):
        columns[field] = spread([getattr(part, field) for part in surnames], inverse)
    columns["surname_honorific"] = spread([part.honorific for part in surnames], inverse)
    former, inverse = distinct_rows([records["former_surname"]])
    columns["former_surname"] = spread(
        [names.standardise_family(name, rules).surname for (name,) in former], inverse
    )

    derived: dict[str, tuple[str, Callable[[str], str]]] = {
        "forename_4": ("forename", lambda name: name[:4]),
        "forename_initial": ("forename", lambda name: name[:1]),
        "forename_forms": ("forename", lambda name: names.forename_forms(name, rules)),
        "forename_sound": ("forename", names.sound),
        "middle_1": ("middle_names", lambda name: name.split()[0]),
        "surname_4": ("surname", lambda name: name[:4]),
        "surname_family": ("surname", lambda name: names.surname_family(name, rules)),
    }
    for name, (origin, function) in derived.items():
        columns[name] = derive(columns[origin], function)
    return columns


def _fill(column: pd.Series, values_: list[str], which: Codes) -> pd.Series:
    """The column, and where it is missing the value from the one-field name."""
    if not any(values_):
        return column
    cells, inverse = distinct_rows([column, pd.Series(spread(values_, which), index=column.index)])
    return pd.Series(spread([own or split for own, split in cells], inverse), index=column.index)


def _dates(dates: pd.Series, rules: ValueRules) -> Columns:
    codes, uniques = pd.factorize(dates.to_numpy(dtype="datetime64[D]"))
    iso = [str(day) for day in np.asarray(uniques).astype("datetime64[D]")]
    inverse = codes.astype(np.int64)
    inverse[inverse < 0] = len(iso)
    doubtful = [values.is_placeholder_date(day, rules) for day in iso]
    usable: list[str | None] = [
        None if bad else day for day, bad in zip(iso, doubtful, strict=True)
    ]
    birth = spread([*usable, None], inverse)
    return {
        "date_of_birth": birth,
        "placeholder_date": spread([*("1" if bad else None for bad in doubtful), None], inverse),
        "date_of_birth_swapped": derive(birth, values.swap_day_and_month),
        "birth_year": derive(birth, lambda day: day[:4]),
        "birth_month": derive(birth, lambda day: day[5:7]),
        "birth_day": derive(birth, lambda day: day[8:]),
        "uncertain_day": derive(
            birth, lambda day: "1" if int(day[8:]) in rules.uncertain_days else None
        ),
    }


def _places(records: pd.DataFrame, rules: ValueRules) -> Columns:
    postcode = derive(
        records["postcode"].array, lambda text: values.standardise_postcode(text, rules)
    )
    address = derive(records["address"].array, lambda text: values.standardise_address(text, rules))
    return {
        "written_address": derive(records["address"].array, html.unescape),
        "postcode": postcode,
        "postcode_district": derive(postcode, lambda text: text.split()[0]),
        "address": address,
        "address_5": derive(address, lambda text: text[:5]),
    }


def _identifiers(records: pd.DataFrame) -> Columns:
    nhs_number = derive(records["nhs_number"].array, values.standardise_nhs_number)
    upn = derive(records["upn"].array, values.standardise_upn)
    return {
        "nhs_number": nhs_number,
        "nhs_number_valid": derive(
            nhs_number, lambda text: text if values.is_valid_nhs_number(text) else None
        ),
        "upn": upn,
        "upn_valid": derive(upn, lambda text: text if values.is_valid_upn(text) else None),
        "former_upn": derive(records["former_upn"].array, values.standardise_upn),
    }

"""The STANDARDISED frame: one row per record, every column categorical.

| column | meaning |
|---|---|
| forename | first given name that distinguishes |
| forename_whole | with the other part of a double name such as Mia-Rose, letters only |
| forename_4 | its first four letters |
| forename_initial | its first letter |
| forename_forms | names that it may stand for, itself included |
| forename_known | the spelling that stands for its family, where the rules know it |
| forename_sound | how it sounds |
| forename_cut | ``1`` if it has two letters, and may be the beginning of a name that was cut |
| forename_starts | the first two letters of every spelling of it, separated by spaces |
| forename_family | as ``surname_family``, for a forename that stands where the surname should |
| middle_names, middle_1 | further given names; the first of them |
| second_name | the first of them, if it is more than an initial |
| known_as | preferred given name |
| name_prefix | set-apart prefix such as MOHAMMED |
| prefix_only, placeholder_name | "1" where there is nothing but that |
| multiple_birth | "1" where the placeholder says twin or triplet |
| surname, surname_4 | likewise |
| surname_family | spelling family, base form or sound |
| surname_first, surname_last | parts of a double surname |
| surname_as_given | the surname field read as given names, for names that were swapped |
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

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd

from matcher.rules.names import NameRules
from matcher.rules.values import ValueRules
from matcher.standardise import names
from matcher.standardise.derivations import derivations
from matcher.standardise.distinct import Codes, derive, distinct_rows, spread

STANDARDISED_COLUMNS = (
    "forename",
    "forename_whole",
    "forename_4",
    "forename_initial",
    "forename_forms",
    "forename_known",
    "forename_sound",
    "forename_cut",
    "forename_starts",
    "forename_family",
    "middle_names",
    "middle_1",
    "second_name",
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
    "surname_as_given",
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

# Those that tell where somebody can be found. A family leads to relatives, whose address is known.
PLACE_COLUMNS = frozenset(
    {"address", "address_5", "family", "postcode", "postcode_district", "written_address"}
)

Columns = dict[str, pd.Categorical]


class Standardiser:
    """Standardises records by the rules for names and values.

    One that ``remembers`` keeps what every value came to, for records that are seen several
    times in short succession.
    """

    def __init__(
        self, name_rules: NameRules, value_rules: ValueRules, *, remembers: bool = False
    ) -> None:
        def given(forename: str | None, middle: str | None) -> names.GivenName:
            return names.standardise_given(forename, middle, name_rules)

        found = derivations(name_rules, value_rules)
        self._given = cache(given) if remembers else given
        self._derived = {
            name: (origin, cache(function) if remembers else function)
            for name, (origin, function) in found.items()
        }

    def frame(self, records: pd.DataFrame) -> pd.DataFrame:
        """STANDARDISED, with the index of ``records`` (RECORDS, see `matcher.frames`)."""
        columns = _written(records)
        given, inverse = distinct_rows(
            [pd.Series(columns[name]) for name in ("written_forename", "written_middle_names")]
        )
        parts = [self._given(first, rest) for first, rest in given]
        for at, field in enumerate(names.GivenName._fields):
            columns[field] = spread([part[at] for part in parts], inverse)
        for name, (origin, function) in self._derived.items():
            columns[name] = derive(columns[origin], function)
        families, inverse = distinct_rows([records["source"], records["family_id"]])
        columns["family"] = spread([f"{s}:{f}" if f else None for s, f in families], inverse)
        return pd.DataFrame(
            {name: columns[name] for name in STANDARDISED_COLUMNS}, index=records.index, copy=False
        )

    def record(self, record: Mapping[str, str]) -> dict[str, str]:
        """The STANDARDISED values of one record, given by RECORDS columns as plain text.

        Dates are YYYY-MM-DD. Columns without a value are left out. The same functions run as
        for a frame, so that one record gets the same values in either way.
        """
        name = record.get("name") or ""
        split = names.split_name(name, record.get("name_order") or None) if name else ("", "")
        found = {f"written_{name}": names.unescape(record.get(name) or "") for name in _WRITTEN}
        found["written_forename"] = found["written_forename"] or names.unescape(split[0])
        found["written_surname"] = found["written_surname"] or names.unescape(split[1])
        found["written_date_of_birth"] = record.get("date_of_birth") or ""
        given = self._given(found["written_forename"], found["written_middle_names"])
        found |= given._asdict()
        found |= {name: record.get(name) or "" for name in ("source", "sex")}
        for name, (origin, function) in self._derived.items():
            found[name] = (function(found[origin]) or "") if found[origin] else ""
        if record.get("family_id"):
            found["family"] = f"{record.get('source', '')}:{record['family_id']}"
        return {name: found[name] for name in STANDARDISED_COLUMNS if found.get(name)}


def standardise(
    records: pd.DataFrame, name_rules: NameRules, value_rules: ValueRules
) -> pd.DataFrame:
    """STANDARDISED, see `Standardiser.frame`."""
    return Standardiser(name_rules, value_rules).frame(records)


def standardise_record(
    record: Mapping[str, str], name_rules: NameRules, value_rules: ValueRules
) -> dict[str, str]:
    """The STANDARDISED values of one record, see `Standardiser.record`."""
    return Standardiser(name_rules, value_rules).record(record)


# Text columns that are taken over as written before anything else is done with them.
_WRITTEN = (
    "forename",
    "middle_names",
    "known_as",
    "surname",
    "former_surname",
    "address",
    "postcode",
    "nhs_number",
    "upn",
    "former_upn",
)


def _written(records: pd.DataFrame) -> Columns:
    """Columns as written, with one-field names split where the parts are missing."""
    columns = {f"written_{name}": derive(records[name].array, names.unescape) for name in _WRITTEN}
    whole, which = distinct_rows([records["name"], records["name_order"]])
    split = [names.split_name(name, order) if name else ("", "") for name, order in whole]
    for at, column in enumerate(("written_forename", "written_surname")):
        columns[column] = _fill(columns[column], [names.unescape(x[at]) for x in split], which)
    columns["written_date_of_birth"] = _iso(records["date_of_birth"])
    columns["source"] = records["source"].array
    columns["sex"] = records["sex"].array
    return columns


def _fill(column: pd.Categorical, other: list[str], which: Codes) -> pd.Categorical:
    """The column, and where it is missing the value from the one-field name."""
    if not any(other):
        return column
    cells, inverse = distinct_rows([pd.Series(column), pd.Series(spread(other, which))])
    return spread([own or split for own, split in cells], inverse)


def _iso(dates: pd.Series) -> pd.Categorical:
    """Dates as text, YYYY-MM-DD."""
    codes, uniques = pd.factorize(dates.to_numpy(dtype="datetime64[D]"))
    inverse = codes.astype(np.int64)
    inverse[inverse < 0] = len(uniques)
    return spread([*(str(day) for day in uniques.astype("datetime64[D]")), None], inverse)

"""Sets made by pseudopeople from its sample population: its census linked to another source.

Noise is what the package adds by default; the survey gets the further noise in dates of birth
and surnames that Splink's documentation adds in its example. The truth is ``simulant_id``.
"""

import contextlib
import io
from typing import Any

import pandas as pd

# Splink's example of pseudopeople: more swapped dates and more typing slips than by default.
_MORE_NOISE = {
    "date_of_birth": {"swap_month_and_day": {"cell_probability": 0.15}},
    "last_name": {"make_typos": {"cell_probability": 0.1, "token_probability": 0.15}},
}

OTHERS = {
    "census_acs": ("american_community_survey", "%m/%d/%Y", True),
    "census_wic": ("women_infants_and_children", "%m%d%Y", True),
    "census_ssa": ("social_security", "%Y%m%d", False),
    "census_w2": ("taxes_w2_and_1099", "", False),
}


def load(name: str) -> tuple[pd.DataFrame, frozenset[str], str]:
    """Text columns of RECORDS with person_id; the sources that hold a person once; about."""
    other, dates, once = OTHERS[name]
    noisy = name == "census_acs"
    census = _generate("decennial_census", noisy, {"year": 2020})
    years: dict[str, Any] = {"year": None} if name == "census_acs" else {}
    linked = _generate(other, noisy, years)
    frames = [_mapped(census, "census", "%m/%d/%Y"), _mapped(linked, other, dates)]
    about = f"pseudopeople's sample: census and {other.replace('_', ' ')}"
    about += "; United States zip codes; without age, race and social security number"
    # A few people stand twice in the census of this population, as guests; the truth knows.
    single = {
        source
        for source, frame in zip(("census", other), frames, strict=True)
        if not frame["person_id"].duplicated().any() and (once or source == "census")
    }
    return pd.concat(frames, ignore_index=True), frozenset(single), about


def _generate(dataset: str, noisy: bool, options: dict[str, Any]) -> pd.DataFrame:
    import pseudopeople

    if noisy:
        options = {**options, "config": {dataset: {"column_noise": _MORE_NOISE}}}
    with contextlib.redirect_stderr(io.StringIO()):
        frame: pd.DataFrame = getattr(pseudopeople, f"generate_{dataset}")(**options)
    return frame.astype(object).where(frame.notna(), None).reset_index(drop=True)


def _mapped(frame: pd.DataFrame, source: str, dates: str) -> pd.DataFrame:
    prefix = "mailing_address_" if "mailing_address_zipcode" in frame else ""
    parts = [frame.get(f"{prefix}{part}") for part in ("street_number", "street_name")]
    unit = frame.get(f"{prefix}unit_number")
    missing = pd.Series([None] * len(frame), dtype=object)
    address = missing
    if parts[0] is not None and parts[1] is not None and unit is not None:
        text = [part.fillna("").astype(str) for part in (*parts, unit)]
        address = text[0] + " " + text[1] + ", " + text[2]
        address = address.where(parts[1].notna(), None)
    middle = frame.get("middle_initial", frame.get("middle_name", missing))
    birth = missing
    if "date_of_birth" in frame:
        parsed = pd.to_datetime(frame["date_of_birth"], format=dates, errors="coerce")
        birth = parsed.dt.strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "source": source,
            "record_id": [f"{source}-{number}" for number in range(len(frame))],
            "forename": frame["first_name"],
            "middle_names": middle,
            "surname": frame["last_name"],
            "date_of_birth": birth,
            "sex": frame.get("sex", missing).map({"Female": "F", "Male": "M"}),
            "address": address,
            "postcode": frame.get(f"{prefix}zipcode", missing),
            "person_id": frame["simulant_id"],
        }
    )

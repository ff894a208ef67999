"""What is known of an extract's quality, as counts: the data-quality report.

Fields are counted over records of children. A value is valid where the part of linkage
that standardises it can use it: an NHS number or UPN whose check fits, a whole postcode, a
date of birth that is no placeholder; and where no character of it was lost.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from api.services.extracts.arrays import Flags
from api.services.extracts.hashes import content_hash
from matcher.read import ReadResult
from matcher.read.categories import from_codes
from matcher.rules.library import LinkageRules
from matcher.rules.loading import ActivityFound, Found
from matcher.standardise.derivations import derivations
from matcher.standardise.names import standardise_given

FIELDS = (
    "forename",
    "surname",
    "name",
    "date_of_birth",
    "sex",
    "nhs_number",
    "upn",
    "address",
    "postcode",
    "family_id",
)
_PERSON = ("forename", "surname", "name", "date_of_birth", "postcode")

# What stands for a byte that is no character: such a value is not what the system holds.
_LOST = "\ufffd"

Usable = Callable[[str], bool]


def describe(read: ReadResult, rules: LinkageRules, content: Any) -> dict[str, Any]:
    """The report on an extract by itself.

    Args:
        read: the extract.
        rules: say which values can be used.
        content: one number per record for all that it says.
    """
    child = read.records["role"].eq("child").to_numpy(dtype=np.bool_)
    children = read.records[child]
    return {
        "files": [asdict(count) for count in read.files],
        "rows": sum(count.rows for count in read.files),
        "records": len(read.records),
        "children": len(children),
        "rejects": len(read.rejects),
        "rejects_by_code": _counts(read.rejects["code"]),
        "removed": len(read.removed),
        "notes": [asdict(note) for note in read.notes],
        "activity": {kind: len(frame) for kind, frame in read.activity.items()},
        "fields": fields(children, rules),
        "duplicates": {
            "same_content": _repeats(content[child]),
            "same_person": _same_person(children),
        },
    }


def fields(children: pd.DataFrame, rules: LinkageRules) -> dict[str, dict[str, int]]:
    """Of each field, in how many records it is filled, and in how many it can be used."""
    usable = _usable(rules)
    found = {}
    for name in FIELDS:
        column = _as_text(children[name])
        filled = column.codes >= 0
        found[name] = {"present": int(filled.sum())}
        if name in usable:
            valid = [usable[name](text) and _LOST not in text for text in column.categories]
            flags = np.array([*valid, False], dtype=np.bool_)
            found[name]["valid"] = int(flags[column.codes].sum())
    return found


def unusable_fields(said: Mapping[str, str], rules: LinkageRules) -> tuple[str, ...]:
    """Columns of RECORDS whose texts cannot be used, and so count as missing when records link."""
    return tuple(
        name
        for name, usable in _usable(rules).items()
        if (text := said.get(name)) and not usable(text)
    )


def fallen(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, float]:
    """How far the share of records with a field filled has fallen since another report."""
    if not before or not before.get("children") or not now["children"]:
        return {}
    return {
        name: round(_share(before, name) - _share(now, name), 4)
        for name in FIELDS
        if name in before.get("fields", {})
    }


def _share(report: Mapping[str, Any], field: str) -> float:
    return float(report["fields"][field]["present"] / report["children"])


def measured(report: Mapping[str, Any], *, delta: bool, same_date: bool) -> Found:
    """What the loading rules judge a report by."""
    change = report["change"]
    return Found(
        rows=report["rows"],
        rejects=report["rejects"] - report["rejects_by_code"].get("removed", 0),
        records=report["records"],
        current=change["current"],
        gone=change["gone"],
        changed=change["changed"],
        listed_before=change["changed"] + change["unchanged"],
        another_person=change["another_person"],
        delta=delta,
        same_date=same_date,
        completeness=report["completeness_fallen"],
        activity={kind: _stays(counts) for kind, counts in change["activity"].items()},
    )


def _stays(counts: Mapping[str, int]) -> ActivityFound:
    """Rows of one kind before and now; of records that are gone these are judged instead."""
    current = counts["current"] - counts["gone_with_record"]
    return ActivityFound(current=current, now=counts["unchanged"] + counts["new"])


def _usable(rules: LinkageRules) -> dict[str, Usable]:
    """What makes a value of a field usable, by the rules that standardise it."""
    known = derivations(rules.names, rules.values)

    def chained(*names: str) -> Usable:
        def usable(text: str) -> bool:
            value: str | None = text
            for name in names:
                value = known[name][1](value) if value else None
            return bool(value)

        return usable

    return {
        "forename": lambda text: bool(standardise_given(text, None, rules.names).forename),
        "surname": chained("surname"),
        "date_of_birth": chained("date_of_birth"),
        "nhs_number": chained("nhs_number", "nhs_number_valid"),
        "upn": chained("upn", "upn_valid"),
        "address": chained("address"),
        "postcode": chained("postcode"),
    }


def _as_text(column: pd.Series) -> pd.Categorical:
    """A column as a categorical of texts; dates are YYYY-MM-DD."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Categorical(column).remove_unused_categories()
    codes, days = pd.factorize(column.to_numpy(dtype="datetime64[D]"))
    return from_codes(codes.astype(np.int32), [str(day) for day in days.astype("datetime64[D]")])


def _same_person(children: pd.DataFrame) -> int:
    """Records that repeat another's names, date of birth and postcode, as written."""
    told: Flags = (children["surname"].notna() | children["name"].notna()).to_numpy()
    told &= children["date_of_birth"].notna().to_numpy() & children["postcode"].notna().to_numpy()
    return _repeats(content_hash(children[told], _PERSON))


def _repeats(content: Any) -> int:
    return len(content) - len(np.unique(content))


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(key): int(count) for key, count in sorted(values.value_counts().items())}

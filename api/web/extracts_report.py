"""The data-quality report of an extract in words and as a chart."""

import re
from collections.abc import Mapping
from typing import Any

import altair as alt
from sqlalchemy import Connection

from api.services.extracts.listing import ExtractView, source_titles
from api.services.extracts.stops import stop_says
from api.web import charts
from api.web.text import sentence, words
from matcher.read import note_says
from matcher.read.rejects import message_of

FIELDS = {
    "record_id": "Record id",
    "date_of_birth": "Date of birth",
    "nhs_number": "NHS number",
    "upn": "UPN",
    "former_upn": "Former UPN",
    "known_as": "Known as",
    "name": "Whole name",
    "as_of": "Date that the row is as of",
    "role": "Child or carer",
    "change": "Whether the row removes its record",
    "hours": "Funded hours",
    "family_id": "Family id",
}

ACTIVITY = {
    "contacts": "Contacts",
    "visits": "Health visits",
    "fsm_periods": "Periods of free school meals",
    "eyfsp_results": "Results of the early years profile",
    "caf_episodes": "Early help episodes",
    "funded_places": "Funded places",
    "ethnicities": "Ethnic groups, to tell of linkage by group only",
}

# Notes of what was not read at all, and why.
_LEFT_OUT = {
    "hidden_sheet": "it is hidden",
    "sheet_ignored": "it holds no list of this source",
    "file_ignored": "it holds no list of this source",
}
_SHEET = re.compile(r" sheet (\d+)$")


def source_names(connection: Connection) -> dict[str, str]:
    """What pages call the sources of which anything came, by name."""
    return {name: sentence(words(title)) for name, title in source_titles(connection).items()}


def field_title(name: str) -> str:
    """A field as people call it."""
    return FIELDS.get(name) or name.replace("_", " ").capitalize()


def _title(name: str) -> str:
    """A field or a kind of activity as people call it."""
    return ACTIVITY.get(name) or field_title(name)


def _activity(report: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Counts by kind of activity; of a report of an earlier version only how much is in it."""
    told: dict[str, dict[str, int]] = {kind: {} for kind, n in report["activity"].items() if n}
    return {**told, **report["change"].get("activity", {})}


def report_of(view: ExtractView) -> dict[str, Any] | None:
    """What the page tells of a report; None without one."""
    report = view.report
    if report is None:
        return None
    return {
        "rows": report["rows"],
        "records": report["records"],
        "children": report["children"],
        "rejects": report["rejects"],
        "rejects_by_code": [
            {"code": code, "says": sentence(message_of(code)), "count": count}
            for code, count in sorted(
                report["rejects_by_code"].items(), key=lambda one: (-one[1], one[0])
            )
        ],
        "fields": fields_of(report),
        "duplicates": report["duplicates"],
        "change": report["change"],
        "activity": [
            {"title": ACTIVITY.get(kind, kind), "rows": report["activity"].get(kind), **counts}
            for kind, counts in _activity(report).items()
        ],
        "parts": _parts(report),
        "notes": [_note(note) for note in report["notes"] if note["code"] not in _LEFT_OUT],
        "stops": [
            sentence(stop_says({**stop, "field": _title(stop["field"])}))
            for stop in report["stops"]
        ],
    }


def _parts(report: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """Which files and sheets were read, and which were not and why; none of a single one."""
    read = list(dict.fromkeys(one["file"] for one in report["files"]))
    left = [one for one in report["notes"] if one["code"] in _LEFT_OUT]
    if len(read) < 2 and not left:
        return None
    files = {_SHEET.sub("", one) for one in (*read, *(note["file"] for note in left))}
    return {
        "read": [_place(file, len(files)) for file in read],
        "left": [
            f"{_place(note['file'], len(files))}, because {_LEFT_OUT[note['code']]}"
            for note in left
        ],
    }


def _place(file: str, files: int) -> str:
    """A file of so many, or a sheet of one."""
    sheet = _SHEET.search(file)
    if sheet is None:
        return words(file)
    named = f"sheet {sheet[1]}"
    return named if files == 1 else f"{named} of {words(_SHEET.sub('', file))}"


def fields_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each field that is ever filled, counts and shares in per cent of children."""
    children = report["children"]
    if not children:
        return []
    return [
        {
            "title": field_title(name),
            "present": counts["present"],
            "valid": counts.get("valid"),
            "filled": 100 * counts["present"] / children,
            "usable": 100 * counts["valid"] / children if "valid" in counts else None,
        }
        for name, counts in report["fields"].items()
        if counts["present"]
    ]


def chart_of_fields(report: Mapping[str, Any], *, narrow: bool) -> str:
    """Bars by field: how many records have it filled, and within that usable, in per cent."""
    rows = fields_of(report)
    order = [row["title"] for row in rows]
    filled, usable = "filled", "usable for linking"
    bars: list[dict[str, Any]] = [
        {"field": row["title"], "share": row["filled"], "what": filled} for row in rows
    ]
    bars += [
        {"field": row["title"], "share": row["usable"], "what": usable}
        for row in rows
        if row["usable"] is not None
    ]
    colour = alt.Scale(domain=[filled, usable], range=["#b1b4b6", charts.BLUE])
    chart = (
        alt.Chart(alt.InlineData(values=bars))
        .mark_bar()
        .encode(
            y=alt.Y("field:N", sort=order, title=None),
            x=alt.X(
                "share:Q",
                title="Per cent of records of children",
                scale=alt.Scale(domain=[0, 100]),
                stack=None,
            ),
            yOffset=alt.YOffset("what:N", sort=[filled, usable]),
            color=alt.Color("what:N", title=None, scale=colour, legend=alt.Legend(orient="top")),
        )
    )
    width = charts.BESIDE_NAMES if narrow else 480
    return charts.svg(chart.properties(width=width, height={"step": 14}), narrow=narrow)


def _note(note: Mapping[str, Any]) -> dict[str, Any]:
    column = note["column"]
    says = sentence(note_says(note["code"]))
    # The column of a list that is not there is the list's own name.
    is_list = note["code"] == "table_absent"
    about = "" if not column else words(column) if is_list else field_title(column)
    return {"count": note["count"], "says": says, "file": note["file"], "about": about}

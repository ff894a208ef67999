"""The data-quality report of an extract in words and as a chart."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from api.services.extracts.listing import ExtractView
from api.services.extracts.stops import stop_says
from api.web import charts
from api.web.text import sentence
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

# What was seen and cost no row, with the number of times.
_NOTES = {
    "columns_ignored": "columns have headers that are not known, and are left out",
    "column_twice": "header stands twice; the first one counts",
    "file_ignored": "file holds no list of this source, and is left out",
    "table_absent": "list that may come with it is not there",
    "mixed_encodings": "lines are not UTF-8, and were read as Windows-1252",
    "read_as_utf8": "file is UTF-8, and was read so",
    "hidden_sheet": "hidden sheets were passed over",
    "merged_cells": "cells are empty because they are merged with another",
    "characters_replaced": "characters could not be read and were replaced",
    "mixed_date_orders": "column holds both day/month and month/day",
    "mixed_date_forms": "column holds dates of several forms",
    "dates_perhaps_swapped": "column of dates may have day and month swapped",
    "month_first_not_permitted": "column looks like month/day, which is not permitted",
    "read_month_first": "column was read as month/day",
    "born_after_as_of": "dates of birth lie after the date of their record",
    "birth_in_future": "dates of birth lie ahead, and are taken as missing",
    "scientific_notation": "numbers such as 9.43E+09 are taken as missing",
    "number_as_date": "numbers that a spreadsheet took for dates are taken as missing",
    "not_recognised": "words that are not known are taken as missing",
    "not_a_number": "hours that are no number are taken as missing",
}


def field_title(name: str) -> str:
    """A field as people call it."""
    return FIELDS.get(name) or name.replace("_", " ").capitalize()


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
        "activity": {name: count for name, count in report["activity"].items() if count},
        "notes": [_note(note) for note in report["notes"]],
        "stops": [
            sentence(stop_says({**stop, "field": field_title(stop["field"])}))
            for stop in report["stops"]
        ],
    }


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


def chart_of_fields(report: Mapping[str, Any]) -> str:
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
    return charts.svg(chart.properties(width=480, height={"step": 14}))


def _note(note: Mapping[str, Any]) -> dict[str, Any]:
    column = note["column"]
    says = _NOTES.get(note["code"], note["code"].replace("_", " "))
    return {"count": note["count"], "says": says, "column": field_title(column) if column else ""}

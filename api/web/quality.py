"""Linkage quality: weights, and what thresholds make of them."""

import math
from functools import lru_cache
from typing import Annotated, Any

import altair as alt
from fastapi import Query, Request, Response

from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services import quality
from api.services.access.roles import Permission
from api.services.register.kept_rules import last_rules
from api.services.register.queue import POSSIBLE, queue_counts
from api.services.register.reading import last_run
from api.web import charts
from api.web.access import page_router, signed_in
from api.web.pages import page
from api.web.typed import Written
from matcher.rules.matching import Thresholds

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_RUNS, personal=False)]
Change = Annotated[Write, signed_in(Permission.CHANGE_RULES, personal=False, writes=True)]

TITLE = "Linkage quality: weights and thresholds"

_LEAST, _MOST = -50.0, 100.0


@router.get("/quality")
def quality_page(
    request: Request,
    visit: Visit,
    lower: Annotated[Written | None, Query()] = None,
    upper: Annotated[Written | None, Query()] = None,
) -> Response:
    """Weights of pairs, and what other thresholds would give."""
    latest = last_run(visit.connection)
    if not latest:
        return page(request, "quality/quality.html", title=TITLE, latest=None)
    now = last_rules(visit.connection).book.linkage.matching.thresholds
    tried, errors = tried_thresholds(lower, upper, now)
    bins = quality.weight_bins(visit.connection, now)
    by_band, _ = quality.reviewed(visit.connection, now)
    return page(
        request,
        "quality/quality.html",
        title=TITLE,
        errors=errors,
        latest=latest,
        bins=bins,
        now=quality.expected(bins, now.lower, now.upper),
        tried=quality.expected(bins, tried.lower, tried.upper) if tried != now else None,
        lower=lower or f"{now.lower:g}",
        upper=upper or f"{now.upper:g}",
        queue=queue_counts(visit.connection)[POSSIBLE],
        by_band=by_band,
    )


@router.get("/quality/weights.svg")
def weights_chart(
    visit: Visit,
    lower: Annotated[Written | None, Query()] = None,
    upper: Annotated[Written | None, Query()] = None,
    narrow: charts.Narrow = False,
) -> Response:
    """How many pairs have which weight, with the thresholds as lines."""
    if not last_run(visit.connection):
        raise Problem("not-found")
    now = last_rules(visit.connection).book.linkage.matching.thresholds
    tried, _ = tried_thresholds(lower, upper, now)
    bins = tuple(quality.weight_bins(visit.connection, now))
    drawn = _drawn(bins, tried.lower, tried.upper, narrow)
    return charts.svg_response(drawn)


def tried_thresholds(
    lower: str | None, upper: str | None, now: Thresholds
) -> tuple[Thresholds, dict[str, str]]:
    """Thresholds that were typed; those in force where they cannot be, with what is wrong."""
    errors = {}
    values = {"lower": now.lower, "upper": now.upper}
    for name, text in (("lower", lower), ("upper", upper)):
        if text is None or not text.strip():
            continue
        value = bits_typed(text)
        if not _LEAST <= value <= _MOST:
            errors[name] = (
                f"Enter the {name} threshold as a number of bits from {_LEAST:g} to {_MOST:g}"
            )
        else:
            values[name] = value
    if not errors and values["lower"] > values["upper"]:
        errors["lower"] = "The lower threshold must not be above the upper threshold"
    if errors:
        return now, errors
    return Thresholds(**values, rival_margin=now.rival_margin), {}


def bits_typed(text: str) -> float:
    """A number as people type it, with either minus sign, and a comma or a point; else nan."""
    try:
        return float(text.replace("\N{MINUS SIGN}", "-").replace(",", "."))
    except ValueError:
        return math.nan


@lru_cache(maxsize=32)
def _drawn(bins: tuple[quality.WeightBin, ...], lower: float, upper: float, narrow: bool) -> str:
    """Bars on a scale of square roots, so that the few between the thresholds are seen.

    What waits stands at the foot of each, where the scale gives few pairs the most room.
    """
    names = {"waiting": "waiting", "linked": "linked", "apart": "kept apart", "other": "not linked"}
    rows: list[dict[str, Any]] = []
    for one in bins:
        top = 0
        for key, name in names.items():
            bottom, top = top, top + getattr(one, key)
            if top > bottom:
                rows.append(
                    {
                        "weight": one.weight,
                        "end": one.weight + 1,
                        "bottom": bottom,
                        "top": top,
                        "what": name,
                    }
                )
    colour = alt.Scale(
        domain=list(names.values()), range=["#f47738", "#1d70b8", "#0b0c0c", "#b1b4b6"]
    )
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X(
                "weight:Q",
                title="Match weight, in bits",
                axis=alt.Axis(tickCount=5 if narrow else 12),
            ),
            x2="end:Q",
            y=alt.Y("top:Q", title="Pairs (scale of square roots)", scale=alt.Scale(type="sqrt")),
            y2="bottom:Q",
            color=alt.Color("what:N", title=None, scale=colour, legend=alt.Legend(orient="top")),
        )
    )
    lines = (
        alt.Chart(alt.InlineData(values=[{"at": lower}, {"at": upper}]))
        .mark_rule(color="#d4351c", strokeWidth=2, strokeDash=[6, 4])
        .encode(x="at:Q")
    )
    return charts.svg(
        (bars + lines).properties(width=charts.BESIDE_NUMBERS if narrow else 640, height=300),
        narrow=narrow,
    )

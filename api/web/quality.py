"""Linkage quality: weights and thresholds, what people found, and trying other thresholds."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

import altair as alt
from fastapi import Form, Query, Request, Response
from sqlalchemy import Connection

from api.db.models import JobState
from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services import quality
from api.services.access.roles import Permission
from api.services.previews import (
    PreviewError,
    PreviewView,
    Wanted,
    ask_for_preview,
    commit_preview,
    discard_preview,
    find_preview,
)
from api.services.register.kept_rules import last_rules, rules_in_force
from api.services.register.queue import POSSIBLE, queue_counts
from api.services.register.reading import last_run
from api.services.review.sampling import quality_samples
from api.services.work import worker_lives
from api.web import charts
from api.web.access import page_router, signed_in
from api.web.pages import Instead, page, see
from api.web.text import sentence, words
from matcher.errors import DataError
from matcher.outcomes import protect_all
from matcher.rules.matching import BlockingRule, Thresholds

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_RUNS, personal=False)]
Change = Annotated[Write, signed_in(Permission.CHANGE_RULES, personal=False, writes=True)]

_LEAST, _MOST = -50.0, 100.0


@router.get("/quality")
def quality_page(
    request: Request,
    visit: Visit,
    lower: Annotated[str | None, Query(max_length=20)] = None,
    upper: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Weights, what other thresholds would give, and what people found in reviewed samples."""
    latest = last_run(visit.connection)
    if not latest:
        return page(request, "quality/quality.html", title="Linkage quality", latest=None)
    matching = last_rules(visit.connection).book.linkage.matching
    now = matching.thresholds
    tried, errors = _tried(lower, upper, now)
    bins = quality.weight_bins(visit.connection, now)
    by_band, by_source = quality.reviewed(visit.connection, now)
    return page(
        request,
        "quality/quality.html",
        title="Linkage quality",
        errors=errors,
        latest=latest,
        bins=bins,
        now=quality.expected(bins, now.lower, now.upper),
        tried=quality.expected(bins, tried.lower, tried.upper) if tried != now else None,
        lower=lower or f"{now.lower:g}",
        upper=upper or f"{now.upper:g}",
        queue=queue_counts(visit.connection)[POSSIBLE],
        by_band=by_band,
        by_source=by_source,
        samples=quality_samples(visit.connection, limit=1),
        blocking=quality.last_blocking(visit.connection),
        fields={rule.name: fields_in_words(rule) for rule in matching.blocking},
    )


def fields_in_words(rule: BlockingRule) -> str:
    """What must be the same for a blocking rule to propose two records."""
    held = [
        _column(one) if one == other else f"{_column(one)} and the other's {_column(other)}"
        for one, other in zip(rule.key, rule.against or rule.key, strict=True)
    ]
    text = "; ".join(held)
    if rule.narrow_by:
        text += f" (large blocks also by {', '.join(map(_column, rule.narrow_by))})"
    return text[:1].upper() + text[1:]


def _column(name: str) -> str:
    """A column of standardised records, such as forename_4, in words."""
    start, _, length = name.rpartition("_")
    if length.isdigit() and length != "1":
        name = f"{start} (first {length} characters)"
    return name.replace("_", " ").replace("nhs", "NHS").replace("upn", "UPN")


@router.get("/quality/weights.svg")
def weights_chart(
    visit: Visit,
    lower: Annotated[str | None, Query(max_length=20)] = None,
    upper: Annotated[str | None, Query(max_length=20)] = None,
    narrow: charts.Narrow = False,
) -> Response:
    """How many pairs have which weight, with the thresholds as lines."""
    if not last_run(visit.connection):
        raise Problem("not-found")
    now = last_rules(visit.connection).book.linkage.matching.thresholds
    tried, _ = _tried(lower, upper, now)
    bins = tuple(quality.weight_bins(visit.connection, now))
    drawn = _drawn(bins, tried.lower, tried.upper, narrow)
    return charts.svg_response(drawn)


@router.post("/quality/previews")
def ask(
    request: Request,
    change: Change,
    lower: Annotated[str, Form(max_length=20)],
    upper: Annotated[str, Form(max_length=20)],
) -> Response:
    """Try other thresholds on the whole register, without changing it."""
    now = last_rules(change.connection).book.linkage.matching.thresholds
    tried, errors = _tried(lower, upper, now)
    if errors or tried == now:
        raise Instead(see(request, f"/quality?lower={_plain(lower)}&upper={_plain(upper)}"))
    try:
        number = ask_for_preview(
            change.connection,
            Wanted(lower=tried.lower, upper=tried.upper),
            by=change.caller.name,
            now=change.now,
        )
    except (PreviewError, DataError):
        raise Instead(see(request, "/quality")) from None
    return see(request, f"/quality/previews/{number}")


@router.get("/quality/previews/{number}")
def preview_page(request: Request, number: int, visit: Visit) -> Response:
    """What would change, then commit or discard.

    htmx asks for it again while something is worked out, and is sent here anew when it is done.
    """
    found = _preview(visit.connection, number)
    working = (found.commit_job or found.job).state in (JobState.QUEUED, JobState.RUNNING)
    if not working and request.headers.get("HX-Request") == "true":
        return see(request, f"/quality/previews/{number}")
    return page(
        request,
        "quality/preview.html",
        title=f"Preview {number}",
        preview=found,
        working=working,
        no_worker=working and not worker_lives(visit.connection.engine),
        stale=found.last_run != found.after_run,
        measures=_moved(visit, found),
    )


def _moved(visit: Access, found: PreviewView) -> list[dict[str, Any]]:
    """Measures before and after, as they may be shown."""
    book = rules_in_force(visit.connection, visit.service.offered).book
    moved = (found.found or {}).get("measures", [])
    told = {
        (one["name"], side): _with_unit(one)
        for side in ("before", "after")
        for one in protect_all([one[side] for one in moved if one[side]], book.disclosure)
    }
    return [
        {
            "title": book.measures[one["name"]].spec.title
            if one["name"] in book.measures
            else sentence(words(one["name"])),
            **{side: told.get((one["name"], side)) for side in ("before", "after")},
        }
        for one in moved
    ]


def _with_unit(result: Mapping[str, Any]) -> str | None:
    """The value of a measure as its page has it; none if it is hidden."""
    unit: str = result["value_unit"]
    value: str | None = result["value_rounded"]
    if value is None:
        return None
    return value.replace("-", "−") + (unit if unit == "%" else f" {unit}")


@router.post("/quality/previews/{number}/commit")
def commit(request: Request, number: int, change: Change) -> Response:
    """Put in force what was tried."""
    found = _preview(change.connection, number)
    if found.found is None or found.commit_job is not None or found.last_run != found.after_run:
        raise Instead(see(request, f"/quality/previews/{number}"))
    commit_preview(change.connection, number, by=change.caller.name, now=change.now)
    return see(request, f"/quality/previews/{number}", said="The change is being put in force.")


@router.post("/quality/previews/{number}/discard")
def discard(request: Request, number: int, change: Change) -> Response:
    """Forget what was tried."""
    _preview(change.connection, number)
    discard_preview(change.connection, number, by=change.caller.name, now=change.now)
    return see(request, "/quality", said=f"Preview {number} is discarded. Nothing was changed.")


def _preview(connection: Connection, number: int) -> PreviewView:
    found = find_preview(connection, number) if 0 < number < 2**31 else None
    if found is None:
        raise Problem("not-found")
    return found


def _tried(
    lower: str | None, upper: str | None, now: Thresholds
) -> tuple[Thresholds, dict[str, str]]:
    """Thresholds that were typed; those in force where they cannot be, with what is wrong."""
    errors = {}
    values = {"lower": now.lower, "upper": now.upper}
    for name, text in (("lower", lower), ("upper", upper)):
        if text is None or not text.strip():
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
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


def _plain(text: str) -> str:
    """What was typed, if it is a number, for the address."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return "x"


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

"""The measures: each with what it rests on, protected against telling of single children."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import Request, Response

from api.db.queue import jobs_by_id
from api.rest.access import Access
from api.rest.problems import Problem
from api.services.access.roles import Permission
from api.services.demo import is_demonstration
from api.services.measures_kept import ask_for_measures, known_measures, measures_job
from api.services.register.kept_rules import rules_in_force
from api.services.register.reading import last_run
from api.services.work import worker_lives
from api.web.access import page_router, signed_in
from api.web.charts import Narrow, Share, shares, svg_response
from api.web.pages import page, see
from api.web.text import with_titles
from matcher.outcomes import Profile, empty_groups, protect_all, school_year

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_MEASURES, personal=False)]

_UNITS = {"child": "children", "family": "families"}


@router.get("/measures")
def measures_page(request: Request, visit: Visit) -> Response:
    """Every measure as of the last run that they are known of; a newer one is asked for."""
    latest, known = last_run(visit.connection), known_measures(visit.connection)
    working = latest > 0 and (known is None or known.run < latest)
    if not working and request.headers.get("HX-Request") == "true":
        return see(request, "/measures")
    job = measures_job(visit.connection)
    if working and job is None:
        ask_for_measures(visit.service.engine, by=visit.caller.name)
    profile = _profile(visit)
    return page(
        request,
        "measures/measures.html",
        title="Measures",
        latest=latest,
        known=known,
        working=working,
        job=jobs_by_id(visit.connection, [job]).get(job) if job is not None else None,
        no_worker=working and not worker_lives(visit.connection.engine),
        profile=profile,
        invented=is_demonstration(visit.connection),
        measures=[
            _as_shown(one, visit.service.offered.book.titles)
            for one in protect_all(known.results if known else [], profile)
        ],
    )


@router.get("/measures/{name}/chart.svg")
def measure_chart(name: str, visit: Visit, narrow: Narrow = False) -> Response:
    """A measure's value, or both sides of a comparison, each with its interval."""
    known = known_measures(visit.connection)
    results = protect_all(known.results if known else [], _profile(visit))
    result = next((one for one in results if one["name"] == name), None)
    if result is None:
        raise Problem("not-found")
    rows = list(_rows(result))
    if not rows:
        raise Problem("not-found")
    return svg_response(shares(rows, "Per cent, with its 95% interval", narrow=narrow))


def _profile(visit: Access) -> Profile:
    return rules_in_force(visit.connection, visit.service.offered).book.disclosure


def _rows(result: Mapping[str, Any]) -> Iterator[Share]:
    """What there is to draw: nothing of what is hidden."""
    if result["compared"]:
        for part in result["parts"]:
            share = part["share"]
            if share["value"] is not None and share["interval"] is not None:
                limits = share["interval"]
                yield Share(
                    part["text"],
                    100 * share["value"],
                    100 * limits["lower"],
                    100 * limits["upper"],
                )
    elif result["value"] is not None and result["interval"] is not None:
        limits = result["interval"]
        yield Share("All", result["value"], limits["lower"], limits["upper"])


def _as_shown(result: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    """A result with what the template would have to work out, and sources by their titles."""
    rows, empty = list(_rows(result)), empty_groups(result)
    return {
        **result,
        "empty": "all" if all(empty) else "some" if any(empty) else "",
        "unlinked_by_source": [
            {**one, "text": with_titles(one["text"], titles)}
            for one in result["unlinked_by_source"]
        ],
        "definition": [with_titles(one, titles) for one in result["definition"]],
        "year": school_year(result["reception_year"]) if result["reception_year"] else "not known",
        "units": _UNITS[result["unit"]],
        "drawn": bool(rows),
        "chart_says": "; ".join(
            f"{row.label}: {row.value:.1f}%, from {row.lower:.1f}% to {row.upper:.1f}%"
            for row in rows
        ),
    }

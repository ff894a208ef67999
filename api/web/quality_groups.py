"""Linkage quality by group: who is missed, who waits, and where people found errors."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request, Response

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.group_quality import (
    DEPRIVATION,
    ETHNIC_GROUP,
    FEWEST_DECIDED,
    SOURCE,
    Grouping,
    GroupQuality,
    quality_by_group,
)
from api.services.register.kept_rules import last_rules
from api.services.register.reading import last_run
from api.services.rules import RuleBook
from api.web.access import page_router
from api.web.charts import Narrow, Share, shares, svg_response
from api.web.pages import page
from api.web.quality import Visit
from api.web.text import called, plain

router = page_router()

_TITLES = {
    ETHNIC_GROUP: ("By ethnic group", "Ethnic group"),
    DEPRIVATION: ("By deprivation", "Deprivation"),
    SOURCE: ("By source", "Source"),
}


@router.get("/quality/groups")
def groups_page(request: Request, visit: Visit) -> Response:
    """Each way to group children, with a chart, a table and what the gap is."""
    latest = last_run(visit.connection)
    if not latest:
        return page(request, "quality/groups.html", title="Linkage quality: by group", latest=None)
    book = last_rules(visit.connection).book
    return page(
        request,
        "quality/groups.html",
        title="Linkage quality: by group",
        latest=latest,
        profile=book.disclosure,
        expected=[
            {"source": one.source, "from_age": one.from_age, "to_age": one.to_age}
            for one in book.groups.expected
        ],
        fewest=FEWEST_DECIDED,
        groupings=[_as_shown(one, visit.service.offered.book.titles) for one in _told(visit, book)],
    )


@router.get("/quality/groups/{name}.svg")
def groups_chart(name: str, visit: Visit, narrow: Narrow = False) -> Response:
    """Children found where they are expected, of each group."""
    if not last_run(visit.connection):
        raise Problem("not-found")
    found = {one.name: one for one in _told(visit, last_rules(visit.connection).book)}
    titles = visit.service.offered.book.titles
    rows = list(_rows(found[name], titles)) if name in found else []
    if not rows:
        raise Problem("not-found")
    least = 10 * int(min(row.lower for row in rows) // 10)
    title = "Per cent found" if narrow else "Per cent found where they are expected"
    title += ", with its 95% interval"
    return svg_response(shares(rows, title, (least, 100), narrow=narrow))


def _told(visit: Access, book: RuleBook) -> tuple[Grouping, ...]:
    upper = book.linkage.matching.thresholds.upper
    return quality_by_group(visit.connection, book, upper)


def _rows(grouping: Grouping, titles: Mapping[str, str]) -> Iterator[Share]:
    """What there is to draw; of what has a limit only, all that it may be."""
    for one in grouping.groups:
        share, label = one.found.proportion, _label(grouping, one, titles)
        if share is not None and share.value is not None and share.interval is not None:
            limits = share.interval.scaled(100)
            yield Share(label, 100 * share.value, limits.lower, limits.upper)
        elif one.found.at_least is not None:
            yield Share(label, None, one.found.at_least, 100)
        elif one.found.at_most is not None:
            yield Share(label, None, 0, one.found.at_most)


def _label(grouping: Grouping, one: GroupQuality, titles: Mapping[str, str]) -> str:
    return plain(called(one.name, titles)) if grouping.name == SOURCE else one.name


def _as_shown(grouping: Grouping, titles: Mapping[str, str]) -> dict[str, Any]:
    """A grouping with what the template would have to work out."""
    rows = list(_rows(grouping, titles))
    title, of = _TITLES[grouping.name]
    return {
        "name": grouping.name,
        "title": title,
        "of": of,
        "gap": grouping.gap,
        "compared": grouping.name != SOURCE,
        "drawn": bool(rows),
        "limits": any(row.value is None for row in rows),
        "chart_says": "; ".join(map(_says, rows)),
        "groups": [{"label": _label(grouping, one, titles), "is": one} for one in grouping.groups],
    }


def _says(row: Share) -> str:
    limits = f"from {row.lower:.1f}% to {row.upper:.1f}%"
    return (
        f"{row.label}: {limits}"
        if row.value is None
        else f"{row.label}: {row.value:.1f}%, {limits}"
    )

"""Linkage quality: what people found in pairs that they decided, and what blocking proposed."""

from fastapi import Request, Response

from api.services import quality
from api.services.register.kept_rules import last_rules
from api.services.register.reading import last_run
from api.web.access import page_router
from api.web.pages import page
from api.web.quality import Visit
from matcher.rules.matching import BlockingRule

router = page_router()


@router.get("/quality/decided")
def decided_page(request: Request, visit: Visit) -> Response:
    """How many of the pairs that people decided they called a match, by weight and source."""
    latest, by_band, by_source = last_run(visit.connection), None, None
    if latest:
        now = last_rules(visit.connection).book.linkage.matching.thresholds
        by_band, by_source = quality.reviewed(visit.connection, now)
    return page(
        request,
        "quality/decided.html",
        title="Linkage quality: what people found",
        latest=latest,
        by_band=by_band,
        by_source=by_source,
    )


@router.get("/quality/blocking")
def blocking_page(request: Request, visit: Visit) -> Response:
    """What each blocking rule proposed, and what was given up."""
    latest = last_run(visit.connection)
    rules = last_rules(visit.connection).book.linkage.matching.blocking if latest else []
    return page(
        request,
        "quality/blocking.html",
        title="Linkage quality: blocking",
        latest=latest,
        blocking=quality.last_blocking(visit.connection) if latest else None,
        fields={rule.name: fields_in_words(rule) for rule in rules},
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

"""Queued work, and who is told of events: what failed, to be tried again or dropped."""

from fastapi import Request, Response
from sqlalchemy.exc import OperationalError

from api.db.aside import writing_aside
from api.db.engine import reading
from api.rest.access import Access
from api.rest.problems import Problem
from api.services.access.audit import note_act
from api.services.retention.erasing import children_to_erase
from api.services.webhooks import (
    WebhookView,
    count_dead_letters,
    dead_letters,
    every_webhook,
    retry_dead_letters,
)
from api.services.work import cancel, recent, retry, unsettled
from api.web.access import page_router
from api.web.administration_parts import Change, Number, Typed, Visit
from api.web.pages import page, see

router = page_router()

_WORK = "/administration/work"
_HOOKS = "/administration/webhooks"
_RECENT, _LETTERS = 30, 50


@router.get(_WORK)
def work_page(request: Request, visit: Visit) -> Response:
    """What waits, runs or failed, and what was done last."""
    waiting = unsettled(visit.connection)
    open_ = {job.id for job in waiting}
    last = [job for job in recent(visit.service.engine, _RECENT) if job.id not in open_]
    return page(
        request,
        "administration/work.html",
        title="Queued work",
        waiting=waiting,
        last=last,
        children=children_to_erase(visit.connection, [job.id for job in (*waiting, *last)]),
    )


@router.post(f"{_WORK}/{{number}}/retry")
def retry_job(request: Request, change: Change, number: Number) -> Response:
    """Queues work again that failed or was cancelled."""
    if not retry(change.connection, number):
        raise Problem("not-found")
    note_act(change.connection, "job_retried", f"job {number}", by=change.caller.name,
             now=change.now)  # fmt: skip
    return see(request, _WORK, said=f"Job {number} is queued again.")


@router.post(f"{_WORK}/{{number}}/cancel")
def cancel_job(request: Request, visit: Visit, number: Number) -> Response:
    """At once if it waits, else as soon as its worker hears of it."""
    # In no transaction of its own: a running job may hold the only write lock.
    try:
        cancelled = cancel(visit.service.engine, number)
    except OperationalError as error:
        if "locked" not in str(error.orig):
            raise
        raise Problem("busy") from None
    if not cancelled:
        raise Problem("not-found")
    return see(request, _WORK, said=f"Job {number} is cancelled, or will be in a moment.")


@router.get(_HOOKS)
def webhooks_page(request: Request, visit: Visit) -> Response:
    """Addresses that are told of events, of all callers."""
    with reading(visit.service.aside) as aside:
        dead = count_dead_letters(aside)
    hooks = every_webhook(visit.connection)
    return page(request, "administration/webhooks.html", title="Webhooks", hooks=hooks, dead=dead)


@router.get(f"{_HOOKS}/{{number}}")
def webhook_page(request: Request, visit: Visit, number: Number) -> Response:
    """What could not be delivered to one of them."""
    hook = _webhook(visit, number)
    with reading(visit.service.aside) as aside:
        letters = dead_letters(aside, number, 0, _LETTERS + 1)
    return page(
        request,
        "administration/webhook.html",
        title=f"Webhook {number}",
        hook=hook,
        letters=letters[:_LETTERS],
        more=len(letters) > _LETTERS,
    )


@router.post(f"{_HOOKS}/{{number}}/retry")
def retry_letters(request: Request, change: Change, number: Number, letter: Typed = "") -> Response:
    """Has one dead letter, or all of them, tried again."""
    _webhook(change, number)
    if letter and not (letter.isascii() and letter.isdigit() and len(letter) < 19):
        raise Problem("not-found")
    only = int(letter) if letter else None
    with writing_aside(change.service.engine, change.connection) as aside:
        count = retry_dead_letters(aside, number, change.now, only=only)
    note_act(change.connection, "dead_letters_retried", f"webhook {number}",
             by=change.caller.name, now=change.now, detail={"letters": count})  # fmt: skip
    said = "1 delivery is tried again." if count == 1 else f"{count} deliveries are tried again."
    return see(request, f"{_HOOKS}/{number}", said=said)


def _webhook(visit: Access, number: int) -> WebhookView:
    for hook in every_webhook(visit.connection):
        if hook.id == number:
            return hook
    raise Problem("not-found")

"""Logs: one JSON object a line on the error stream, with ids and counts, never personal values."""

import logging
import sys

import structlog


def configure_logs(*, pretty: bool) -> None:
    """Begin to log. ``pretty`` is for a person at a terminal; JSON otherwise."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=_kind_only)
        if pretty
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_exceptions,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # What it says of requests holds addresses with what was asked; ours names the route.
    logging.getLogger("uvicorn.access").disabled = True
    for library in ("httpx", "httpx2", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _without_exceptions(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """An exception's text might quote somebody's details: only its kind is kept."""
    found = event.pop("exc_info", None)
    record = event.get("_record")
    found = found or getattr(record, "exc_info", None)
    if isinstance(found, tuple) and found[0] is not None:
        event["error"] = found[0].__name__
    elif isinstance(found, BaseException):
        event["error"] = type(found).__name__
    return event


def _kind_only(sio: object, exc_info: object) -> None:
    """Shows nothing: `_without_exceptions` has said what may be said."""

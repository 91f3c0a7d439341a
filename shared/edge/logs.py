"""Structured logs: one JSON object a line, to standard output."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

from shared.edge import metrics, tracing


def configure(service: str, process: str) -> None:
    """Log as ``service`` and ``process`` from now on."""
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            tracing.add_to_log,
            structlog.processors.add_log_level,
            _count,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    # Not in the context, with which threads begin empty.
    _SAYS.update(service=service, process=process)


_SAYS: dict[str, str] = {}
_COUNTED = frozenset({"warning", "error", "critical"})


def _count(_: Any, __: str, line: EventDict) -> EventDict:
    """A processor of structlog's: says whose line it is, and counts what somebody should look at."""
    for name, value in _SAYS.items():
        line.setdefault(name, value)
    if line["level"] in _COUNTED:
        metrics.LOGGED.labels(line["level"], line["event"]).inc()
    return line

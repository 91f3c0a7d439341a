"""Who was erased is forgotten before anybody is shown anything, also by a database that was restored to before that."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog
from confluent_kafka import KafkaException
from sqlalchemy.orm import Session

from shared.pipeline import keyreader, keys
from shared.pipeline.reading import LogTooShort, ReadTimedOut
from shared.pipeline.service import Service
from shared.pipeline.tasks import Task, Tasks, waiting

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 0.1


def forget_first(service: Service, sources: Sequence[str], tasks: Sequence[Task]) -> None:
    """Read all topics of keys to their ends and forget whom they name as erased, though the events that say so may
    still have to be heard. Kafka being away is no reason not to serve: as known, and said in the log."""
    try:
        keyreader.catch_up(service, sorted({service.name, *sources}))
    except (KafkaException, ReadTimedOut, LogTooShort) as error:
        log.warning("service.keys_unread", error=type(error).__name__)
    if named := [task for task in tasks if task.name == keys.FORGET]:
        forget = Tasks(service, named, {}, threading.Event())
        while _left(service):
            if not forget.round():
                # A worker is at it; what it does isn't done before it has committed.
                time.sleep(PAUSE_SECONDS)


def _left(service: Service) -> int:
    with Session(service.engine) as session:
        return waiting(session, service.clock()).get(keys.FORGET, 0)

"""What every page of an agent shows and hears of: whether he is there, and who calls. His desk shows the contact that
he is in besides. Read once for each signal, and sent along with it."""

from __future__ import annotations

from fastapi import Request

from services.callcenter.desk import reads
from services.callcenter.desk.pulse import Pulse
from shared.access.actions import Action
from shared.edge.live import Told
from shared.pipeline.look import Look
from shared.web.render import Pages


class Dock:
    """Tells an agent's page, over whatever stream it listens to. Who listens is there."""

    def __init__(self, pages: Pages, pulse: Pulse) -> None:
        self._pages, self.pulse = pages, pulse

    def told(self, request: Request, look: Look, *, with_current: bool = False) -> Told:
        """Nothing for who has no desk."""
        if not look.may(Action.DESK_USE):
            return Told(set())
        self.pulse.beat(look.actor)
        choices = reads.choices(look)
        waiting = reads.waiting(look, choices)
        parts = {"waiting": self._pages.text(request, "waiting.html", look, waiting=waiting, choices=choices)}
        if with_current:
            current = reads.current(look, waiting.contact)
            parts["current"] = self._pages.text(request, "current.html", look, current=current, choices=choices)
        return Told(reads.topics(look, waiting), parts)

"""Profiles over HTTP."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from fastapi import APIRouter, Response

from services.marketing.profiles import reads
from services.marketing.segments import asking
from services.marketing.segments import reads as segments
from services.marketing.segments.asking import Worded
from services.marketing.segments.rules import Definition, Standing
from shared.access.actions import Action
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Id
from shared.pipeline.look import Look
from shared.pipeline.service import Service


class Asked(msgspec.Struct, frozen=True):
    """One condition of the rule, and whether it holds now."""

    condition: Worded
    met: bool


class Shown(msgspec.Struct, frozen=True):
    """A customer: what it did, what it is worth now, when it was in the segment and why."""

    profile: reads.Profile
    standing: Standing
    currency: str
    """Of the standing's amount."""
    asked: list[Asked]
    """What the rule asks of departments' own fields, of those that the actor sees."""


def router(service: Service, default: Definition) -> APIRouter:
    """Endpoints of profiles."""
    routes = APIRouter(tags=["customers"])

    @routes.get("/customers/{member}/profile", response_model=None, responses=JSON)
    def profile(member: Id, actor: CurrentActor) -> Response:
        """What everybody told of a customer, its value now, and every stay in the segment with its reasons. Needs
        customer.read."""
        with service.look(actor) as look:
            return encoded(shown(look, default, str(member)))

    return routes


def shown(look: Look, default: Definition, member: str) -> Shown:
    """All that is shown of a customer. Raises ``Forbidden`` and ``NotFound``."""
    profile = reads.profile_of(look, member)
    rule = segments.definition(look.session, default)
    standing, fields = segments.standing(look, member, rule), look.see(Action.CUSTOMER_READ, member)
    each = zip(rule.conditions, asking.worded(look.session, rule.conditions), standing.met, strict=True)
    asked = [Asked(worded, met) for condition, worded, met in each if condition.seen_as in fields]
    return Shown(profile, replace(standing, met=()), rule.currency, asked)

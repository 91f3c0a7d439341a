"""Profiles over HTTP."""

import msgspec
from fastapi import APIRouter, Response

from services.marketing.profiles import reads
from services.marketing.segments import reads as segments
from services.marketing.segments.rules import Definition, Standing
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Id
from shared.pipeline.look import Look
from shared.pipeline.service import Service


class Shown(msgspec.Struct, frozen=True):
    """A customer: what it did, what it is worth now, when it was in the segment and why."""

    profile: reads.Profile
    standing: Standing
    currency: str
    """Of the standing's amount."""


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
    return Shown(profile, segments.standing(look, member, rule), rule.currency)

"""Profiles over HTTP."""

import msgspec
from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from services.marketing.profiles import reads
from services.marketing.readers import READERS
from services.marketing.segments import reads as segments
from services.marketing.segments.rules import Definition, Standing
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Id
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
        """What everybody told of a customer, its value now, and every stay in the segment with its reasons.

        Roles marketer, supervisor, operator."""
        actor.need(*READERS)
        with Session(service.engine) as session:
            return encoded(shown(session, service, default, str(member)))

    return routes


def shown(session: Session, service: Service, default: Definition, member: str) -> Shown:
    """All that is shown of a customer. Raises ``NotFound``."""
    rule = segments.definition(session, default)
    profile = reads.profile_of(session, member)
    return Shown(profile, segments.standing(session, member, rule, service.clock()), rule.currency)

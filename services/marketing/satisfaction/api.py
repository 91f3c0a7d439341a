"""Satisfaction by segment over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.marketing.satisfaction import reads
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Code
from shared.pipeline.service import Service

Days = Annotated[int, Query(ge=1, le=3_660)]
YEAR = 365


def router(service: Service) -> APIRouter:
    """Endpoints of satisfaction."""
    routes = APIRouter(tags=["segments"])

    @routes.get("/segments/{segment}/satisfaction", response_model=None, responses=JSON)
    def satisfaction(segment: Code, actor: CurrentActor, days: Days = YEAR) -> Response:
        """How satisfied customers were at contacts of the last days, in the segment and outside of it. Needs
        segment.read."""
        with service.look(actor) as look:
            return encoded(reads.by_segment(look, segment, days))

    return routes

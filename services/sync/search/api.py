"""Searching everything over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from services.sync.search import reads
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Input, ShortText
from shared.pipeline.service import Service


class SearchBody(Input):
    words: ShortText = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """Of each kind."""


def router(service: Service) -> APIRouter:
    """The endpoint of the search."""
    routes = APIRouter(tags=["search"])

    @routes.post("/search", response_model=None, responses=JSON)
    def search(body: SearchBody, actor: CurrentActor) -> Response:
        """Find customers (by name, number, address, id), contacts, cases, orders and notes (by id), devices and
        territories (by name). Needs customer.read; things need timeline.read, devices device.manage. A POST, as what is
        asked about people must not stand in a URL."""
        with service.look(actor) as look:
            found = reads.everything(look, body.words, body.limit)
        return encoded(found)

    return routes

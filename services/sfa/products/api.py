"""Products over HTTP."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StringConstraints

from services.sfa.products import handlers, reads
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Input, ShortText
from shared.events.sfa import ProductDefined
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service

HIGHEST_PRICE = 1_000_000_000_000
Price = Annotated[int, Field(ge=0, le=HIGHEST_PRICE)]
"""In minor units of the company's currency."""


class ProductBody(Input):
    product: Code
    name: Annotated[ShortText, StringConstraints(min_length=1)]
    unit_price: Price
    installation: Literal["remote", "on_site"] = "remote"
    """``on_site`` when somebody has to come."""
    on_sale: bool = True


class Product(BaseModel):
    product: str
    name: str
    unit_price: int
    currency: str
    installation: str
    on_sale: bool


def router(service: Service, currency: str) -> APIRouter:
    """Endpoints of products. ``currency``: of all prices."""
    routes = APIRouter(tags=["products"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/products")
    def define(body: ProductBody, command: Once) -> Response:
        """Add a product, or change it (product.define)."""
        new = ProductDefined(currency=currency, **body.model_dump())
        return command.run(lambda work: {"product": new.product, "changed": handlers.define(work, [new])})

    @routes.get("/products")
    def everything(actor: CurrentActor) -> list[Product]:
        """All products (product.read)."""
        with service.look(actor) as look:
            return [Product(**msgspec.structs.asdict(one)) for one in reads.everything(look)]

    return routes

"""Orders over HTTP."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from services.sfa.orders import handlers, history, reads
from services.sfa.orders.handlers import Place, Take
from services.sfa.orders.history import Past
from services.sfa.orders.rules import MOST_LINES, MOST_PIECES, Asked, Order
from services.sfa.products.api import HIGHEST_PRICE, Price
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Custom, Id, Input, Instant, ShortText
from shared.events.sfa import OrderPlaced
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service

Quantity = Annotated[int, Field(ge=1, le=MOST_PIECES)]
Promise = Instant | date
"""By when: an instant, or a day, which means its end (UTC)."""
How = Literal["on_site", "remote"]
Problem = Literal["no_stock", "no_access", "technical", "customer_absent"]


class LineBody(Input):
    product: Code
    quantity: Quantity = 1
    unit_price: Price | None = None
    """As agreed, in minor units; without it the product's."""


class OneBody(LineBody):
    """An order of one product."""

    promised: Promise | None = None
    custom: Custom = Field(default_factory=dict)
    """Values of the department's own fields of orders, by code."""


class OrderBody(Input):
    customer: Id
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=MOST_LINES)]
    promised: Promise | None = None
    channel: Literal["desk", "web"] = "desk"
    custom: Custom = Field(default_factory=dict)
    """Values of the department's own fields of orders, by code."""


class MoveBody(Input):
    step: Code | Literal[""]
    """A state of the department's own; empty: none."""


class StepBody(Input):
    at: Instant | None = None
    """When it was, if not now: for an import."""


class DelayBody(StepBody):
    problem: Problem
    promised: Promise | None = None


class DeliverBody(StepBody):
    how: How


class CancelBody(StepBody):
    reason: Literal["customer", "impossible", "error"] = "customer"


class PastBody(Input):
    key: Annotated[ShortText, StringConstraints(min_length=1)]
    """The order's number in the other system; never a person's name or address."""
    customer: Id
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=MOST_LINES)]
    at: Instant
    delivered: Instant | None = None
    how: How = "remote"
    total: Annotated[int, Field(ge=0, le=HIGHEST_PRICE)] | None = None
    """What was paid, where that isn't the sum of the lines."""


class ImportBody(Input):
    origin: Code
    """The other system."""
    orders: Annotated[list[PastBody], Field(min_length=1, max_length=1_000)]


class OrderShown(BaseModel):
    order: str
    customer: str
    state: str
    total: int
    currency: str
    channel: str
    rep: str
    territory: str
    placed: datetime
    changed: datetime
    promised: datetime | None
    problem: str
    delivered: datetime | None
    how: str
    reason: str
    step: str
    """The department's own state, beside the platform's."""


class LineShown(BaseModel):
    product: str
    name: str
    quantity: int
    unit_price: int


class StepShown(BaseModel):
    step: str
    at: datetime
    by: str
    detail: str


class WholeOrder(OrderShown):
    lines: list[LineShown]
    history: list[StepShown]
    custom: dict[str, str]
    """Values of the department's own fields."""
    masked: list[str]
    """What of these is hidden from the actor."""


def router(service: Service, currency: str) -> APIRouter:
    """Endpoints of orders. ``currency``: of all amounts."""
    routes = APIRouter(tags=["orders"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/orders", status_code=201)
    def place(body: OrderBody, command: Once) -> Response:
        """Take an order (order.place, for the customer)."""
        new = Place(str(body.customer), _asked(body.lines), _instant(body.promised), body.channel, body.custom)
        return command.run(lambda work: _placed(handlers.place(work, [new], currency)[0]), status=201)

    @routes.post("/customers/{customer}/orders", status_code=201)
    def place_one(customer: Id, body: OneBody, command: Once) -> Response:
        """Take an order of one product (order.place, for the customer)."""
        new = Place(str(customer), _asked([body]), _instant(body.promised), custom=body.custom)
        return command.run(lambda work: _placed(handlers.place(work, [new], currency)[0]), status=201)

    @routes.post("/orders/import")
    def import_orders(body: ImportBody, command: Once) -> Response:
        """Read in orders of the past; one that was read in before isn't changed (order.import)."""
        past = [
            Past(one.key, str(one.customer), _asked(one.lines), one.at, one.delivered, one.how, one.total)
            for one in body.orders
        ]
        return command.run(lambda work: history.import_orders(work, body.origin, past, currency))

    @routes.get("/orders")
    def some(
        actor: CurrentActor,
        customer: Id | None = None,
        state: Literal["open", "late", "placed", "provisioned", "delivered", "cancelled"] | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[OrderShown]:
        """Orders of a customer (with all its members) or of everybody within reach, the newest first (order.read)."""
        with service.look(actor) as look:
            found = reads.some(look, customer=str(customer) if customer else "", state=state, limit=limit)
        return [OrderShown(**_shown(row)) for row in found]

    @routes.get("/orders/{order}")
    def read(order: Id, actor: CurrentActor) -> WholeOrder:
        """An order with its lines and history (order.read, for its customer)."""
        with service.look(actor) as look:
            whole = reads.one(look, str(order))
        lines = [LineShown.model_validate(line, from_attributes=True) for line in whole.lines]
        steps = [StepShown.model_validate(step, from_attributes=True) for step in whole.steps]
        shown = _shown(whole.order) | {"custom": whole.custom, "masked": whole.masked}
        return WholeOrder(**shown, lines=lines, history=steps)

    _add_steps(routes, service)
    return routes


def _add_steps(routes: APIRouter, service: Service) -> None:
    Once = Annotated[Command, Depends(commands(service))]

    def taken(command: Command, step: Take) -> Response:
        return command.run(lambda work: _stepped(handlers.take(work, [step])[0]))

    @routes.post("/orders/{order}/provision")
    def provision(order: Id, body: StepBody, command: Once) -> Response:
        """What was ordered is set up (order.step, for its customer)."""
        return taken(command, handlers.provision(str(order), body.at))

    @routes.post("/orders/{order}/step")
    def move(order: Id, body: MoveBody, command: Once) -> Response:
        """Put it into a state of the department's own, or into none (order.step, for its customer)."""
        return command.run(lambda work: _stepped(handlers.move(work, str(order), body.step)))

    @routes.post("/orders/{order}/delay")
    def delay(order: Id, body: DelayBody, command: Once) -> Response:
        """Something is wrong with it (order.step)."""
        return taken(command, handlers.delay(str(order), body.problem, _instant(body.promised), body.at))

    @routes.post("/orders/{order}/deliver")
    def deliver(order: Id, body: DeliverBody, command: Once) -> Response:
        """The customer has it (order.step)."""
        return taken(command, handlers.deliver(str(order), body.how, body.at))

    @routes.post("/orders/{order}/cancel")
    def cancel(order: Id, body: CancelBody, command: Once) -> Response:
        """It isn't wanted any more, or can't be carried out (order.step)."""
        return taken(command, handlers.cancel(str(order), body.reason, body.at))


def _asked(lines: list[LineBody] | list[OneBody]) -> tuple[Asked, ...]:
    return tuple(Asked(line.product, line.quantity, line.unit_price) for line in lines)


def _instant(promise: datetime | date | None) -> datetime | None:
    if promise is None or isinstance(promise, datetime):
        return promise
    return datetime.combine(promise, time(23, 59, 59), UTC)


def _placed(fact: OrderPlaced) -> dict[str, Any]:
    return {"order": fact.order, "total": fact.total, "currency": fact.currency, "promised": fact.promised}


def _stepped(order: Order) -> dict[str, Any]:
    return {
        "order": order.id,
        "state": order.state,
        "promised": order.promised,
        "problem": order.problem,
        "step": order.step,
    }


def _shown(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)
    return {"order": values.pop("id"), "customer": values.pop("member"), **values}

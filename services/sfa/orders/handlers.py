"""Orders are placed at the desk and followed to their delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from services.sfa import live
from services.sfa.orders import rules, store
from services.sfa.orders.rules import Asked, Order
from services.sfa.orders.store import Placing, Step
from services.sfa.products import reads as products
from services.sfa.territories import reads as territories
from shared.access.actions import Action, Reach
from shared.customer.definitions import NotTaken
from shared.customer.member import Member, member_of, stream
from shared.edge.errors import Conflict, Forbidden, Invalid, NotFound
from shared.events.envelope import Event, new_id
from shared.events.facts import Fact
from shared.events.sfa import OrderPlaced
from shared.pipeline import vocabulary
from shared.pipeline.steady import hold_steady
from shared.pipeline.work import Work
from shared.texts import N_

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A customer orders. ``channel``: ``desk`` or ``web``."""

    member: str
    lines: tuple[Asked, ...]
    promised: datetime | None = None
    channel: str = "desk"
    custom: Mapping[str, str] = field(default_factory=dict)
    """Values of the department's own fields, by code."""


@dataclass(frozen=True)
class Take:
    """A step of an order. ``made``: by which rule, given the order and the instant."""

    order: str
    made: Callable[[Order, datetime], Fact]
    at: datetime | None = None
    """When it was, if not now: for an import only."""


def provision(order: str, at: datetime | None = None) -> Take:
    """What was ordered is set up."""
    return Take(order, rules.provision, at)


def delay(order: str, problem: str, promised: datetime | None = None, at: datetime | None = None) -> Take:
    """Something is wrong with it."""
    return Take(order, lambda of, when: rules.delay(of, problem, promised, when), at)


def deliver(order: str, how: str, at: datetime | None = None) -> Take:
    """The customer has it."""
    return Take(order, lambda of, when: rules.deliver(of, how, when), at)


def cancel(order: str, reason: str, at: datetime | None = None) -> Take:
    """It isn't wanted any more, or can't be carried out."""
    return Take(order, lambda of, when: rules.cancel(of, reason, when), at)


def place(work: Work, commands: Sequence[Place], currency: str) -> list[OrderPlaced]:
    """Take orders. Who may for some customers only is their rep.

    Raises ``Forbidden`` for a customer out of reach; ``NotFound``; ``Invalid``; ``Conflict`` for an erased one or a
    product not on sale.
    """
    members = {command.member for command in commands}
    _need_reach(work, Action.ORDER_PLACE, members)
    _need_customers(work, members)
    where = territories.territories_of(work.session, members)
    rep = "" if Reach.ALL in work.grants.reaches(Action.ORDER_PLACE) else work.actor.id
    known = products.some(work.session, {line.product for command in commands for line in command.lines})
    placings = []
    for command in commands:
        if command.promised is not None and command.promised < work.now:
            raise Invalid(N_("a promise can't lie in the past"))
        lines = refusing(partial(rules.lines, command.lines, known))
        fact = OrderPlaced(
            order=new_id(),
            lines=lines,
            total=rules.total(lines),
            currency=currency,
            channel=command.channel,
            rep=rep,
            territory=where[command.member],
            promised=command.promised,
            custom=vocabulary.values(work, "order_field", command.custom),
        )
        placings.append(Placing(command.member, fact, work.now, work.actor.id))
        _publish(work, rules.placed(fact, command.member, work.now), fact, work.now)
    store.place(work, placings)
    return [placing.fact for placing in placings]


def take(work: Work, commands: Sequence[Take]) -> list[Order]:
    """Take orders through a step each; gives them as they are then.

    Raises ``Forbidden`` for a customer out of reach, ``NotFound``, ``Conflict`` for a step that isn't open to it,
    ``Invalid``.
    """
    work.need(Action.ORDER_STEP)
    orders = store.hold(work.session, {command.order for command in commands})
    if missing := {command.order for command in commands} - orders.keys():
        if len(commands) == 1:
            raise NotFound(N_("there is no such order"))
        raise NotFound(N_("there is no order %(order)s"), order=min(missing))
    _need_reach(work, Action.ORDER_STEP, {order.member for order in orders.values()})
    steps = []
    for command in commands:
        before, at = orders[command.order], _instant(work, command.at)
        fact = refusing(partial(command.made, before, at))
        steps.append(Step(before, fact, at, work.actor.id))
        orders[before.id] = rules.after(before, fact, at)
        former = {"state": before.state, "problem": before.problem}
        _publish(work, before, fact, at, former)
    store.step(work, steps)
    return [orders[command.order] for command in commands]


def move(work: Work, order: str, step: str) -> Order:
    """Put an order into a state of the department's own; empty: into none. Raises as ``take``."""
    states = vocabulary.own(work.session, work.source, "order_state")
    return take(work, [Take(order, lambda of, at: rules.move(of, step, states, at))])[0]


def take_in(work: Work, events: list[Event]) -> None:
    """What this service said of orders before its database was restored: called by ``recover`` only."""
    for event in events:
        fact = event.fact
        if isinstance(fact, OrderPlaced):
            store.place(work, [Placing(member_of(event.stream), fact, event.occurred, event.envelope.authid)])
        elif fact is not None:
            held = store.hold(work.session, [getattr(fact, "order", "")])
            store.step(work, [Step(o, fact, event.occurred, event.envelope.authid) for o in held.values()])


def refusing(rule: Callable[[], T]) -> T:
    """What the rule gives; what it doesn't allow as a refusal that people can read."""
    try:
        return rule()
    except rules.NotOrdered as error:
        raise (Conflict if error.reason == "not_on_sale" else Invalid)(error) from None
    except (rules.NotPossible, NotTaken) as error:
        raise Conflict(error) from None
    except rules.OutOfTime as error:
        raise Invalid(error) from None


def _need_customers(work: Work, members: set[str]) -> None:
    erased = hold_steady(work, members)
    if members - erased.keys():
        raise NotFound(N_("there is no such customer"))
    if any(erased.values()):
        raise Conflict(N_("this customer was erased"))


def _need_reach(work: Work, action: Action, members: Collection[str]) -> None:
    work.need(action)
    if len(work.fields(action, members)) < len(members):
        raise Forbidden(
            N_("this customer isn't among those for whom %(actor)s has %(action)s here"),
            actor=work.actor.id,
            action=action,
        )


def _instant(work: Work, at: datetime | None) -> datetime:
    if at is None:
        return work.now
    if not work.may(Action.ORDER_IMPORT):
        raise Forbidden(N_("only an import may say when it was"))
    return min(at, work.now)


def _publish(work: Work, of: Order, fact: Fact, at: datetime, former: Mapping[str, str] | None = None) -> None:
    work.publish(stream(Member(of.member)), fact, at, former=former)
    live.touch(work, of.member, of.territory, of.rep)

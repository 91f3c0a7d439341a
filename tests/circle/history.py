"""A small history of four departments that has everything in it: what each does alone before the others are there, and
what they do together: links, an unlink, an erasure, late facts, a parked stream, time that passes.

Every command has an instant and ids of its own, so the history is the same whenever a service joins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from services.sync.devices.client import Device
from shared.edge.actor import Actor
from shared.events.customer import CustomFieldDefined
from shared.pipeline import parking
from shared.pipeline.receive import skip
from shared.pipeline.work import Work
from tests.builders import NOON
from tests.circle.ids import Ids
from tests.circle.steps import Steps

SHARED = {"ana": "+12125550101", "eva": "+12125550102", "carl": "+12125550103", "hal": "+12125550104"}
OPERATOR = Actor("omar", "Omar", frozenset({"operator"}))
DAY = 24.0


@dataclass
class Play:
    """One playing of the history."""

    platform: Steps
    ids: Ids
    known: dict[str, str] = field(default_factory=dict)
    """What customers, orders and contacts are called here -> id."""
    device: Device | None = None

    def at(self, hours: float) -> None:
        """It is so many hours after the beginning."""
        self.platform.clock.now = NOON + timedelta(hours=hours)

    def post(self, service: str, path: str, body: object, actor: str, role: str) -> Any:
        """A command, whose ids follow from itself."""
        with self.ids.of(f"{service} {path} {body}"):
            return self.platform[service].post(path, body, actor, role)

    def desk(self, path: str, body: object, role: str = "agent") -> Any:
        return self.post("callcenter", path, body, "anna", role)

    def sales(self, path: str, body: object, role: str = "sales_manager") -> Any:
        return self.post("sfa", path, body, "samuel", role)

    def meet(self, service: str, name: str, **changes: str) -> None:
        """A service meets a customer that it doesn't know."""
        who = ("anna", "agent") if service == "callcenter" else ("samuel", "sales_manager")
        self.known[name] = str(self.post(service, "/customers", {"changes": changes}, *who)["customer"])


def callcenter_alone(play: Play) -> None:
    play.at(0)
    play.meet("callcenter", "A", given_name="Ana", family_name="Diaz", phone=SHARED["ana"])
    play.meet("callcenter", "B", phone=SHARED["eva"])
    play.meet("callcenter", "C", given_name="Carl", family_name="Ott", phone=SHARED["carl"])
    play.meet("callcenter", "G", given_name="Greta", family_name="Gone", email="greta@example.com")
    contact(play, "first", "A", satisfaction=5)
    play.meet("callcenter", "H", given_name="Hal", family_name="Moe", phone=SHARED["hal"])
    play.meet("callcenter", "K", phone=SHARED["hal"])
    # Who is there already takes them for one, until their names differ; who comes later never hears of it.
    play.platform.settle()
    named = {"given_name": "Kim", "family_name": "Low"}
    play.desk(f"/customers/{play.known['K']}/edit", {"changes": named})
    case = {"customer": play.known["A"], "reason": "fault", "subject": "no line", "product": "fiber", "place": "north"}
    opened = play.desk("/cases", case)["case"]
    play.at(0.5)
    play.desk(f"/cases/{opened}/resolve", {"solution": "restarted"})
    erase(play, "G")
    with play.ids.of("fields"):
        # Of a kind that nobody knows: the stream is parked wherever it is heard, with the good one behind it.
        play.platform["callcenter"].service.transact(OPERATOR, lambda work: define(work, "mystery"))
        play.platform["callcenter"].service.transact(OPERATOR, lambda work: define(work, "text"))


def define(work: Work, kind: str) -> None:
    fact = CustomFieldDefined(name="custom.shoe", label=f"Shoe size ({kind})", kind=kind)
    work.publish("custom_field/custom.shoe", fact)


def erase(play: Play, name: str) -> None:
    """Two supervisors erase a customer."""
    body = {"customer": play.known[name], "reason": "request"}
    proposed = play.post("callcenter", "/erasures", body, "paul", "supervisor")["erasure"]
    play.post("callcenter", f"/erasures/{proposed}/consent", {}, "petra", "supervisor")


def contact(play: Play, call: str, who: str, *, satisfaction: int) -> None:
    ring = {"call": call, "number": SHARED["ana"], "queue": "general", "customer": play.known[who]}
    id = play.post("callcenter", "/telephony/ring", ring, "pbx", "telephony")["contact"]
    play.desk(f"/contacts/{id}/answer", {})
    review = {"reason": "billing", "outcome": "solved", "satisfaction": satisfaction, "note": f"review of {call}"}
    play.desk(f"/contacts/{id}/wrap-up", review)


def sfa_alone(play: Play) -> None:
    play.at(1)
    play.meet("sfa", "D", given_name="Ana", family_name="Diaz", phone=SHARED["ana"], city="Boston")
    play.meet("sfa", "E", given_name="Eva", family_name="Roy", phone=SHARED["eva"])
    play.meet("sfa", "F", given_name="Carl", family_name="Ott", phone=SHARED["carl"])
    for product, price in (("fiber", 600_00), ("media", 10_00)):
        play.sales("/products", {"product": product, "name": product.title(), "unit_price": price})
    for territory, parent in (("us", ""), ("north", "us"), ("south", "us")):
        play.sales("/territories", {"territory": territory, "name": territory.title(), "parent": parent})
    play.sales("/territories/north/reps", {"rep": "rosa"})
    play.sales("/territories/south/reps", {"rep": "ramon"})
    play.sales(f"/customers/{play.known['D']}/territory", {"territory": "north"})
    play.sales(f"/customers/{play.known['E']}/territory", {"territory": "south"})
    past(play, ("d-1", "D", 400, 30), ("e-1", "E", 100, 45), ("f-1", "F", 10, 10))
    play.known["late one"] = order(play, "D", "fiber", promised=NOON + timedelta(days=5))
    play.sales(f"/orders/{play.known['late one']}/delay", {"problem": "no_stock"})


def past(play: Play, *orders: tuple[str, str, int, int]) -> None:
    """Orders of the past: key, customer, so many days ago, so many pieces."""
    rows = [
        {
            "key": key,
            "customer": play.known[who],
            "lines": [{"product": "media", "quantity": pieces}],
            "at": (NOON - timedelta(days=days)).isoformat(),
            "delivered": (NOON - timedelta(days=days - 2)).isoformat(),
        }
        for key, who, days, pieces in orders
    ]
    play.post("sfa", "/orders/import", {"origin": "old", "orders": rows}, "importer", "importer")


def order(play: Play, who: str, product: str, **more: Any) -> str:
    promised = {"promised": more["promised"].isoformat()} if "promised" in more else {}
    body = {"customer": play.known[who], "lines": [{"product": product}], **promised}
    return str(play.sales("/orders", body)["order"])


def marketing_alone(play: Play) -> None:
    play.at(2)
    rule = {"name": "High value", "window_days": 365, "at_least": 500_00}
    play.post("marketing", "/segments/high_value/define", rule, "marta", "marketer")


def sync_alone(play: Play) -> None:
    play.at(3)
    play.device = Device(":memory:", play.platform["sync"].client("rosa", "rep"), play.platform.clock)
    with play.ids.of("enrol"):
        play.device.enrol("Rosa's handheld")


ALONE: dict[str, Callable[[Play], None]] = {
    "callcenter": callcenter_alone,
    "marketing": marketing_alone,
    "sfa": sfa_alone,
    "sync": sync_alone,
}
"""What each service does as soon as it is there, whoever else is."""


def sees_and_calls(play: Play) -> None:
    play.at(10)
    contact(play, "second", "A", satisfaction=2)


def parts(play: Play) -> None:
    play.at(11)
    play.post("sync", f"/customers/{play.known['A']}/part", {"other": play.known["D"]}, "omar", "operator")


def buys_while_parted(play: Play) -> None:
    play.at(12)
    play.known["parted"] = order(play, "D", "media")


def joins(play: Play) -> None:
    play.at(13)
    play.post("sync", f"/customers/{play.known['A']}/join", {"other": play.known["D"]}, "omar", "operator")


def desk_edits(play: Play) -> None:
    play.at(14)
    assert play.device is not None
    play.device.synchronize()
    play.desk(f"/customers/{play.known['D']}/edit", {"changes": {"city": "Miami"}})
    play.desk(f"/customers/{play.known['A']}/edit", {"changes": {"contact_allowed.email": "false"}})


def device_writes(play: Play) -> None:
    assert play.device is not None
    play.at(13.5)
    with play.ids.of("device"):
        play.device.edit(play.known["D"], {"city": "Cambridge"})
        play.device.note(play.known["D"], "Wants a second line")
        line = {"product": "fiber", "quantity": 1, "unit_price": 600_00}
        play.known["sold"] = play.device.order(play.known["D"], [line], "USD")
        play.device.order(play.known["D"], [{**line, "product": "unheard_of"}], "USD")
        play.at(15)
        play.device.push()


def late_facts(play: Play) -> None:
    play.at(16)
    past(play, ("b-1", "B", 200, 20))


def deliveries(play: Play) -> None:
    play.at(17)
    play.sales(f"/orders/{play.known['sold']}/provision", {})
    play.sales(f"/orders/{play.known['sold']}/deliver", {"how": "on_site"})
    play.sales(f"/orders/{play.known['parted']}/cancel", {"reason": "customer"})


def erasure(play: Play) -> None:
    play.at(18)
    erase(play, "C")


def skips(play: Play) -> None:
    """An operator leaves out what the parked streams stand at, in every service that heard it."""
    play.at(19)
    for each in play.platform.joined.values():
        with Session(each.service.engine) as session:
            parked = parking.listed(session)
        for one in parked:
            subscription = next(
                hearing._subscription for hearing, _ in each.consumers if hearing._name == one.subscription
            )
            place = (one.source, one.stream)
            each.service.transact(
                OPERATOR,
                lambda work, s=subscription, p=place: skip(work, s, p, "of an unknown kind"),  # type: ignore[misc]
            )


def year_passes(play: Play) -> None:
    play.at(370 * DAY)


def tidings(play: Play) -> None:
    for each in play.platform.joined.values():
        each.report()


TOGETHER: tuple[Callable[[Play], None], ...] = (
    sees_and_calls,
    parts,
    buys_while_parted,
    joins,
    desk_edits,
    device_writes,
    late_facts,
    deliveries,
    erasure,
    skips,
    tidings,
    year_passes,
)
"""What they do once all are there; before each of them everybody has heard everything."""


def play(platform: Steps, ids: Ids, order: tuple[str, ...], *, late: bool) -> Play:
    """Play the history. ``late``: each block joins when its turn comes, else all are there from the start."""
    made = Play(platform, ids)
    if not late:
        for name in sorted(order):
            platform.join(name)
    for name in order:
        if late:
            platform.join(name)
            platform.settle()
        ALONE[name](made)
        platform.settle()
    for step in TOGETHER:
        step(made)
        platform.settle()
    return made

"""What can be done, and which records that may be granted for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Action(StrEnum):
    """Something that can be done in a service. What isn't granted is denied."""

    AUDIT_READ = "audit.read"
    CASE_READ = "case.read"
    CASE_WORK = "case.work"
    """Open and resolve cases."""
    CONTACT_READ = "contact.read"
    CONTACT_REPORT = "contact.report"
    """Tell what the telephone system knows: who rings, who hung up."""
    CONTACT_WORK = "contact.work"
    """Answer, end and wrap up."""
    CUSTOMER_EDIT = "customer.edit"
    CUSTOMER_ERASE = "customer.erase"
    """Propose that a person be forgotten."""
    CUSTOMER_ERASE_CONSENT = "customer.erase_consent"
    """Be the second person of an erasure."""
    CUSTOMER_EXPORT = "customer.export"
    CUSTOMER_IMPORT = "customer.import"
    CUSTOMER_READ = "customer.read"
    """See and find customers, with all that hangs on them where there is no action of its own."""
    CUSTOMER_REGISTER = "customer.register"
    DESK_USE = "desk.use"
    """Take contacts from queues; the desk's own page."""
    DEVICE_ENROL = "device.enrol"
    DEVICE_MANAGE = "device.manage"
    """See all devices, revoke them, decide what was set aside."""
    DEVICE_PULL = "device.pull"
    """What a device is told; its fields are those that it may keep."""
    DEVICE_PUSH = "device.push"
    FIELD_DEFINE = "field.define"
    """Define the department's fields, lists and states."""
    FIELD_READ = "field.read"
    """The descriptions of fields, and what there is to choose from."""
    IDENTITY_DECIDE = "identity.decide"
    OPERATIONS_ACT = "operations.act"
    """Hand parked events in again, or leave them out."""
    OPERATIONS_READ = "operations.read"
    """Streams that wait for a person, and what the block gained from the others."""
    ORDER_IMPORT = "order.import"
    ORDER_PLACE = "order.place"
    ORDER_READ = "order.read"
    ORDER_STEP = "order.step"
    """Provision, delay, deliver, cancel."""
    OUTAGE_DECIDE = "outage.decide"
    OUTAGE_READ = "outage.read"
    PRODUCT_DEFINE = "product.define"
    PRODUCT_READ = "product.read"
    REQUEST_DECIDE = "request.decide"
    REQUEST_READ = "request.read"
    ROLE_DEFINE = "role.define"
    ROLE_READ = "role.read"
    SEGMENT_DEFINE = "segment.define"
    SEGMENT_READ = "segment.read"
    SESSION_END = "session.end"
    """End the sessions of other people."""
    TERRITORY_DEFINE = "territory.define"
    """Shape territories, put reps and customers into them."""
    TERRITORY_READ = "territory.read"
    TIMELINE_READ = "timeline.read"


class Reach(StrEnum):
    """Which records an action is granted for. Several add up."""

    OWN = "own"
    """Those that the actor works on: it registered the customer, answered the contact, took the order."""
    TEAM = "team"
    """Those of the queues that the actor's teams (in its token) are named like."""
    TERRITORY = "territory"
    """Customers of the territories that the actor looks after, as events tell; all while nobody looks after any."""
    ALL = "all"


ANY_FIELD = "*"
TEXT = "text"
"""Stands among fields for free text that people wrote, of contacts, cases and notes."""
CUSTOM_FIELDS = "custom.*"

Supported = Mapping[Action, frozenset[Reach]]

_ALL = frozenset({Reach.ALL})
_BY_CONTACT = frozenset({Reach.ALL, Reach.TEAM, Reach.OWN})
_BY_TERRITORY = frozenset({Reach.ALL, Reach.TERRITORY, Reach.OWN})
_OF_PLACE = frozenset({Reach.ALL, Reach.TERRITORY})


def _seen(reaches: frozenset[Reach]) -> dict[Action, frozenset[Reach]]:
    return {
        Action.CUSTOMER_READ: reaches,
        Action.CUSTOMER_EXPORT: reaches,
        Action.CUSTOMER_ERASE: reaches,
        Action.CUSTOMER_ERASE_CONSENT: _ALL,
    }


def _met(reaches: frozenset[Reach]) -> dict[Action, frozenset[Reach]]:
    return {**_seen(reaches), Action.CUSTOMER_EDIT: reaches, Action.CUSTOMER_REGISTER: _ALL}


_EVERYWHERE = dict.fromkeys(
    (
        Action.AUDIT_READ,
        Action.ROLE_READ,
        Action.ROLE_DEFINE,
        Action.SESSION_END,
        Action.FIELD_READ,
        Action.FIELD_DEFINE,
        Action.OPERATIONS_READ,
        Action.OPERATIONS_ACT,
    ),
    _ALL,
)

SUPPORTS: Mapping[str, Supported] = {
    "callcenter": {
        **_EVERYWHERE,
        **_met(_BY_CONTACT),
        **dict.fromkeys((Action.CONTACT_READ, Action.CONTACT_WORK, Action.CASE_READ, Action.CASE_WORK), _BY_CONTACT),
        **dict.fromkeys(
            (
                Action.CONTACT_REPORT,
                Action.CUSTOMER_IMPORT,
                Action.DESK_USE,
                Action.OUTAGE_READ,
                Action.OUTAGE_DECIDE,
            ),
            _ALL,
        ),
    },
    "marketing": {
        **_EVERYWHERE,
        **_seen(_ALL),
        **dict.fromkeys((Action.SEGMENT_READ, Action.SEGMENT_DEFINE), _ALL),
    },
    "sfa": {
        **_EVERYWHERE,
        **_met(_BY_TERRITORY),
        **dict.fromkeys((Action.ORDER_READ, Action.ORDER_PLACE, Action.ORDER_STEP), _BY_TERRITORY),
        **dict.fromkeys((Action.REQUEST_READ, Action.REQUEST_DECIDE), _BY_TERRITORY),
        **dict.fromkeys(
            (
                Action.ORDER_IMPORT,
                Action.PRODUCT_READ,
                Action.PRODUCT_DEFINE,
                Action.TERRITORY_READ,
                Action.TERRITORY_DEFINE,
            ),
            _ALL,
        ),
    },
    "sync": {
        **_EVERYWHERE,
        **_seen(_OF_PLACE),
        Action.CUSTOMER_EDIT: _OF_PLACE,
        **dict.fromkeys((Action.TIMELINE_READ, Action.IDENTITY_DECIDE), _OF_PLACE),
        **dict.fromkeys((Action.DEVICE_PULL, Action.DEVICE_PUSH), frozenset({Reach.TERRITORY})),
        **dict.fromkeys((Action.DEVICE_ENROL, Action.DEVICE_MANAGE), _ALL),
    },
}
"""What there is to grant in each service, and with which reach."""

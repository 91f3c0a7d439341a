"""The one table of roles: who may see and do what, in each department. What isn't in it is denied.

Departments add roles of their own as data (``access_role``); these here they can't change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from shared.access.actions import CUSTOM_FIELDS, SUPPORTS, TEXT, Action, Reach
from shared.access.grants import Grant, Grants
from shared.texts import N_, Saying, Text


class NotGrantable(Saying, ValueError):
    """A role can't be as it was asked for; the text says why."""


class Role(msgspec.Struct, frozen=True):
    """A role and what it allows."""

    name: str
    grants: tuple[Grant, ...]
    label: str = ""


def _all(*actions: Action) -> tuple[Grant, ...]:
    return tuple(Grant(action) for action in actions)


def _in(reaches: Iterable[Reach], *actions: Action) -> tuple[Grant, ...]:
    return tuple(Grant(action, reach) for action in actions for reach in reaches)


A = Action
_MINE = (Reach.TERRITORY, Reach.OWN)
_ERASES = (A.CUSTOMER_ERASE, A.CUSTOMER_ERASE_CONSENT)
_OPERATES = _all(A.OPERATIONS_READ, A.OPERATIONS_ACT)
_ADMINISTRATOR = (
    _all(A.AUDIT_READ, A.ROLE_READ, A.ROLE_DEFINE, A.SESSION_END, A.CUSTOMER_ERASE_CONSENT, A.FIELD_READ) + _OPERATES
)
_AGENT = _all(
    A.CASE_READ,
    A.CASE_WORK,
    A.CONTACT_READ,
    A.CONTACT_WORK,
    A.CUSTOMER_EDIT,
    A.CUSTOMER_READ,
    A.CUSTOMER_REGISTER,
    A.DESK_USE,
    A.FIELD_READ,
    A.OUTAGE_READ,
)
_LOOKS_AT_TIMELINES = _all(A.CUSTOMER_READ, A.TIMELINE_READ, A.FIELD_READ)

ROLES: Mapping[str, Mapping[str, tuple[Grant, ...]]] = {
    "callcenter": {
        "administrator": _ADMINISTRATOR,
        "agent": _AGENT,
        "operator": _OPERATES,
        "supervisor": _AGENT
        + _all(
            A.OPERATIONS_READ,
            A.OUTAGE_DECIDE,
            A.FIELD_DEFINE,
            A.CUSTOMER_IMPORT,
            A.CUSTOMER_EXPORT,
            A.AUDIT_READ,
            *_ERASES,
        ),
        "telephony": _all(A.CONTACT_REPORT, A.CONTACT_WORK, A.CUSTOMER_REGISTER, A.CASE_WORK, A.FIELD_READ),
        "importer": _all(
            A.CONTACT_REPORT,
            A.CONTACT_WORK,
            A.CUSTOMER_IMPORT,
            A.CUSTOMER_REGISTER,
            A.CUSTOMER_EDIT,
            A.CASE_WORK,
            A.FIELD_DEFINE,
            A.FIELD_READ,
        ),
    },
    "marketing": {
        "administrator": _ADMINISTRATOR,
        "marketer": _all(
            A.CUSTOMER_READ,
            A.CUSTOMER_EXPORT,
            A.SEGMENT_READ,
            A.SEGMENT_DEFINE,
            A.FIELD_READ,
            A.FIELD_DEFINE,
            A.OPERATIONS_READ,
            *_ERASES,
        ),
        "supervisor": _all(A.CUSTOMER_READ, A.SEGMENT_READ, A.FIELD_READ),
        "operator": _all(A.CUSTOMER_READ, A.SEGMENT_READ, A.FIELD_READ) + _OPERATES,
    },
    "sfa": {
        "administrator": _ADMINISTRATOR,
        "operator": _OPERATES,
        "sales_manager": _all(
            A.OPERATIONS_READ,
            A.CUSTOMER_READ,
            A.CUSTOMER_EDIT,
            A.CUSTOMER_REGISTER,
            A.CUSTOMER_EXPORT,
            A.FIELD_READ,
            A.FIELD_DEFINE,
            A.ORDER_READ,
            A.ORDER_PLACE,
            A.ORDER_STEP,
            A.PRODUCT_READ,
            A.PRODUCT_DEFINE,
            A.REQUEST_READ,
            A.REQUEST_DECIDE,
            A.TERRITORY_READ,
            A.TERRITORY_DEFINE,
            A.AUDIT_READ,
            *_ERASES,
        ),
        "rep": _in(_MINE, A.CUSTOMER_READ, A.CUSTOMER_EDIT, A.ORDER_READ, A.ORDER_PLACE, A.ORDER_STEP, A.REQUEST_READ)
        + _all(A.CUSTOMER_REGISTER, A.FIELD_READ, A.PRODUCT_READ, A.TERRITORY_READ),
        "importer": _all(
            A.CUSTOMER_EDIT,
            A.CUSTOMER_REGISTER,
            A.FIELD_READ,
            A.ORDER_IMPORT,
            A.ORDER_STEP,
            A.PRODUCT_DEFINE,
            A.PRODUCT_READ,
            A.TERRITORY_DEFINE,
            A.TERRITORY_READ,
        ),
    },
    "sync": {
        "administrator": _ADMINISTRATOR,
        "agent": _LOOKS_AT_TIMELINES,
        "supervisor": _LOOKS_AT_TIMELINES + _all(A.CUSTOMER_EDIT, A.IDENTITY_DECIDE),
        "sales_manager": _LOOKS_AT_TIMELINES,
        "rep": _in((Reach.TERRITORY,), A.CUSTOMER_READ, A.TIMELINE_READ, A.DEVICE_PULL, A.DEVICE_PUSH)
        + _all(A.DEVICE_ENROL, A.FIELD_READ),
        "operator": _LOOKS_AT_TIMELINES
        + _OPERATES
        + _all(
            A.CUSTOMER_EDIT,
            A.CUSTOMER_EXPORT,
            A.IDENTITY_DECIDE,
            A.DEVICE_MANAGE,
            A.AUDIT_READ,
            A.FIELD_DEFINE,
            *_ERASES,
        ),
    },
}
"""Service -> role -> what it allows there."""


def grants_of(service: str, roles: Collection[str], custom: Mapping[str, tuple[Grant, ...]]) -> Grants:
    """What these roles allow together in a service; a role that isn't known there allows nothing."""
    known = ROLES.get(service, {})
    return Grants(grant for role in roles for grant in known.get(role) or custom.get(role, ()))


def check(service: str, role: Role, fields: Collection[str]) -> None:
    """Raises ``NotGrantable`` unless the department may have this role of its own. ``fields``: those that customers
    have there."""
    if any(role.name in known for known in ROLES.values()):
        raise NotGrantable(N_("%(role)s is a role that comes with the platform; take another name"), role=role.name)
    supported = SUPPORTS.get(service, {})
    for grant in role.grants:
        if grant.action not in supported:
            raise NotGrantable(
                N_("%(service)s has no action %(action)s; there are %(supported)s"),
                service=service,
                action=grant.action,
                supported=", ".join(sorted(supported)) or Text(N_("none")),
            )
        if grant.reach not in supported[grant.action]:
            known = ", ".join(sorted(supported[grant.action]))
            raise NotGrantable(
                N_("%(action)s can't be granted for %(reach)s in %(service)s, only for %(known)s"),
                action=grant.action,
                reach=grant.reach,
                service=service,
                known=known,
            )
        for name in grant.fields:
            if name not in fields and name not in (TEXT, CUSTOM_FIELDS, "*"):
                raise NotGrantable(N_("a customer has no field %(field)s"), field=name)
    _check_edits_are_seen(role)


def _check_edits_are_seen(role: Role) -> None:
    # An edit says whether it changed anything, so what may be edited must be seen; and what leaves in a file, too.
    grants = Grants(role.grants)
    for grant in role.grants:
        if grant.action in (Action.CUSTOMER_EDIT, Action.CUSTOMER_EXPORT):
            seen = grants.fields(Action.CUSTOMER_READ, [grant.reach])
            if seen is None or any(name not in seen for name in grant.fields):
                said = (
                    N_("what %(role)s may edit for %(reach)s it must be allowed to read as well")
                    if grant.action is Action.CUSTOMER_EDIT
                    else N_("what %(role)s may export for %(reach)s it must be allowed to read as well")
                )
                raise NotGrantable(said, role=role.name, reach=grant.reach)

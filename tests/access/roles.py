"""Roles that are made up: any that could be rows of ``access_role``, and those that come with the platform."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hypothesis import strategies as st

from shared.access.actions import ANY_FIELD, CUSTOM_FIELDS, SUPPORTS, TEXT, Action, Reach
from shared.access.grants import Grant
from shared.access.roles import ROLES, Role
from tests.access.canaries import FIELDS

Roles = tuple[str | Role, ...]
BUILT_IN = sorted({name for known in ROLES.values() for name in known})
OFTEN = (Action.CUSTOMER_READ, Action.CUSTOMER_EDIT, Action.CUSTOMER_EXPORT, Action.DEVICE_PULL)


def of_service(service: str) -> st.SearchStrategy[Roles]:
    """Up to three roles of an actor, some of them the department's own."""
    own = st.lists(_grants(service), min_size=1, max_size=2).map(
        lambda each: [Role(f"own-{n}", tuple(dict.fromkeys(grants))) for n, grants in enumerate(each)]
    )
    known = st.lists(st.sampled_from(BUILT_IN), max_size=1)
    return st.one_of(st.tuples(known, own).map(lambda both: (*both[0], *both[1])), known.map(tuple))


def narrow(service: str) -> list[Role]:
    """Roles that hide much: each of them shows nearly every way in something that it has to leave out."""
    supported = SUPPORTS[service]

    near = {action: reaches - {Reach.ALL} for action, reaches in supported.items()}
    few = ("given_name", "city", "birth_date")

    def role(name: str, fields: tuple[str, ...], of: Mapping[Action, Collection[Reach]], *without: Action) -> Role:
        hidden = (*TELLS_ALL, *without)
        grants = [Grant(action, reach, fields) for action, each in of.items() for reach in each if action not in hidden]
        return Role(name, tuple(grants))

    everywhere = {action: [Reach.ALL] if Reach.ALL in reaches else reaches for action, reaches in supported.items()}
    nearby = {action: near[action] or reaches for action, reaches in supported.items()}
    return [
        role("few-fields", few, everywhere),
        role("few-fields-and-no-history", few, everywhere, Action.TIMELINE_READ),
        role("near", (ANY_FIELD,), nearby),
        role("near-and-few", ("phone",), nearby),
    ]


TELLS_ALL = (Action.AUDIT_READ, Action.CUSTOMER_ERASE_CONSENT)
"""Who has these may know of everybody."""


def _grants(service: str) -> st.SearchStrategy[list[Grant]]:
    several = st.lists(_grant(service), min_size=1, max_size=8)
    return several.map(lambda grants: [*grants, *(_seen(grant) for grant in grants)])


def _grant(service: str) -> st.SearchStrategy[Grant]:
    supported = SUPPORTS[service]
    often = [action for action in OFTEN if action in supported]
    actions = st.one_of(st.sampled_from(sorted(supported)), st.sampled_from(often))

    def of(action: Action) -> st.SearchStrategy[Grant]:
        # Everywhere isn't interesting: nothing is out of reach then.
        reaches = sorted(supported[action] - {Reach.ALL}) or [Reach.ALL]
        reach = st.one_of(st.sampled_from(reaches), st.sampled_from(sorted(supported[action])))
        return st.builds(Grant, st.just(action), reach, _fields())

    return actions.flatmap(of)


def _fields() -> st.SearchStrategy[tuple[str, ...]]:
    some = st.lists(st.sampled_from((*FIELDS, TEXT, CUSTOM_FIELDS, "status")), unique=True, max_size=10).map(tuple)
    return st.one_of(some, some, st.just((ANY_FIELD,)))


def _seen(grant: Grant) -> Grant:
    # What may be edited or leave in a file must be seen: roles that can't be aren't of interest.
    if grant.action in (Action.CUSTOMER_EDIT, Action.CUSTOMER_EXPORT):
        return Grant(Action.CUSTOMER_READ, grant.reach, grant.fields)
    return grant

"""The one table of roles is grantable, and roles of departments are held to the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.actions import SUPPORTS, Action, Reach
from shared.access.grants import Grant
from shared.access.roles import ROLES, NotGrantable, Role, check, grants_of
from shared.customer.fields import BUILT_IN

FIELDS = [*BUILT_IN, "custom.hobby"]
EVERY = [(service, name) for service, roles in ROLES.items() for name in roles]
BLIND = "importer"
"""A machine that edits without being shown anything: what an edit changed is all that it learns."""
SERVICES = sorted(SUPPORTS)


@pytest.mark.parametrize(("service", "name"), EVERY)
def test_a_built_in_role_has_only_what_there_is_to_grant(service: str, name: str) -> None:
    # By another name it could be a department's own: the same rules hold.
    grants = [one for one in ROLES[service][name] if name != BLIND or one.action is not Action.CUSTOMER_EDIT]
    check(service, Role(f"{name}-again", tuple(grants)), FIELDS)


def test_every_service_has_roles_and_actions() -> None:
    assert set(ROLES) == set(SUPPORTS)
    assert {action for supported in SUPPORTS.values() for action in supported} == set(Action)


@given(st.sampled_from(SERVICES), st.sampled_from(list(Action)), st.sampled_from(list(Reach)))
def test_only_what_the_service_supports_can_be_granted(service: str, action: Action, reach: Reach) -> None:
    grants = (Grant(Action.CUSTOMER_READ, reach), Grant(action, reach))
    supported = all(reach in SUPPORTS[service].get(each.action, ()) for each in grants)
    try:
        check(service, Role("own", grants), FIELDS)
    except NotGrantable:
        assert not supported
    else:
        assert supported


@pytest.mark.parametrize("name", sorted({name for roles in ROLES.values() for name in roles}))
@pytest.mark.parametrize("service", SERVICES)
def test_a_built_in_name_is_taken_in_every_service(service: str, name: str) -> None:
    with pytest.raises(NotGrantable):
        check(service, Role(name, ()), FIELDS)


@pytest.mark.parametrize("field", ["shoe_size", "", "custom.unknown", "phon"])
def test_a_field_that_customers_dont_have_cant_be_granted(field: str) -> None:
    with pytest.raises(NotGrantable):
        check("sfa", Role("own", (Grant(Action.CUSTOMER_READ, Reach.ALL, (field,)),)), FIELDS)


@pytest.mark.parametrize("action", [Action.CUSTOMER_EDIT, Action.CUSTOMER_EXPORT])
def test_what_may_be_edited_or_exported_must_be_seen(action: Action) -> None:
    reads = Grant(Action.CUSTOMER_READ, Reach.ALL, ("phone", "city"))
    check("sfa", Role("own", (reads, Grant(action, Reach.OWN, ("phone",)))), FIELDS)
    for wider in (("phone", "email"), ("*",)):
        with pytest.raises(NotGrantable):
            check("sfa", Role("own", (reads, Grant(action, Reach.OWN, wider))), FIELDS)
    narrow = Grant(Action.CUSTOMER_READ, Reach.TERRITORY, ("phone",))
    with pytest.raises(NotGrantable):
        check("sfa", Role("own", (narrow, Grant(action, Reach.ALL, ("phone",)))), FIELDS)


def test_a_role_that_isnt_known_grants_nothing() -> None:
    for service in SERVICES:
        found = grants_of(service, ["nobody", "agent" if service == "sfa" else "rep-of-nowhere"], {})
        assert not any(found.may(action) for action in Action)


def test_a_departments_own_role_cant_change_a_built_in_one() -> None:
    own = {"rep": (Grant(Action.AUDIT_READ),), "mine": (Grant(Action.AUDIT_READ),)}
    assert not grants_of("sfa", ["rep"], own).may(Action.AUDIT_READ)
    assert grants_of("sfa", ["mine"], own).may(Action.AUDIT_READ)

"""Roles of a department's own: in force at once, never those of the platform, never one's own, and in the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import done
from tests.integration.sfa.force import Force

ADMIN = ("administrator",)
LOOKER: dict[str, Any] = {
    "role": "looker",
    "label": "Looks only",
    "grants": [
        {"action": "customer.read", "fields": ["given_name"]},
        {"action": "product.read"},
    ],
}


def defined(force: Force, **overrides: Any) -> dict[str, Any]:
    return done(force.post("/roles", {**LOOKER, **overrides}, "adam", ADMIN))


def entries(force: Force) -> list[Any]:
    return force.rows("SELECT actor, action, outcome, subjects, detail FROM audit_entry ORDER BY n")


def test_a_role_holds_as_soon_as_it_is_defined_and_until_it_is_withdrawn(force: Force) -> None:
    assert force.get("/products", roles=("looker",)).status_code == 403
    assert defined(force) == {"role": "looker", "changed": True}
    assert force.get("/products", roles=("looker",)).status_code == 200
    assert defined(force) == {"role": "looker", "changed": False}
    defined(force, grants=["customer.read/all"], fields=["phone"])
    assert force.get("/products", roles=("looker",)).status_code == 403
    done(force.post("/roles/looker/withdraw", {}, "adam", ADMIN))
    assert force.post("/roles/looker/withdraw", {}, "adam", ADMIN).status_code == 404
    changes = [e for e in entries(force) if e[2] == "changed"]
    assert [(e[0], e[1], e[3]) for e in changes] == [("adam", "role.define", ["role/looker"])] * 3
    first, second, third = (e[4]["changes"][0] for e in changes)
    assert (first["former"], third["now"]) == (None, None)
    assert second["former"] == first["now"]
    assert second["now"] == third["former"] == [{"action": "customer.read", "reach": "all", "fields": ["phone"]}]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"role": "rep"}, "comes with the platform"),
        ({"role": "agent"}, "comes with the platform"),
        ({"grants": ["timeline.read/all"]}, "sfa has no action timeline.read"),
        ({"grants": ["customer.read/team"]}, "can't be granted for team in sfa"),
        ({"grants": ["customer.read/nowhere"]}, "there is no action customer.read for nowhere"),
        ({"grants": [{"action": "customer.read", "fields": ["shoe_size"]}]}, "no field shoe_size"),
        ({"grants": ["customer.edit/all"]}, "must be allowed to read as well"),
        ({"grants": [{"action": "customer.export", "fields": ["*"]}]}, "must be allowed to read as well"),
    ],
)
def test_what_can_t_be_granted_is_refused(force: Force, body: dict[str, Any], why: str) -> None:
    answer = force.post("/roles", {**LOOKER, **body}, "adam", ADMIN)
    assert answer.status_code == 422
    assert any(part in answer.json()["detail"] for part in why.split("|"))


def test_nobody_changes_a_role_that_he_has_or_without_the_right(force: Force) -> None:
    defined(force)
    for path, body in (("/roles", LOOKER | {"grants": ["role.define/all"]}), ("/roles/looker/withdraw", {})):
        own = force.post(path, body, "adam", ("administrator", "looker"))
        assert own.status_code == 403
        assert "somebody else has to change it" in own.json()["detail"]
        assert force.post(path, body, "mona", ("sales_manager",)).status_code == 403
    assert force.get("/roles", roles=("rep",)).status_code == 403


def test_all_roles_are_listed_and_shown(force: Force) -> None:
    defined(force)
    listed = {role["role"]: role for role in force.get("/roles", "adam", ADMIN).json()}
    assert listed["looker"]["grants"][0] == {"action": "customer.read", "reach": "all", "fields": ["given_name"]}
    assert (listed["looker"]["built_in"], listed["rep"]["built_in"]) == (False, True)
    page = force.page("/roles", ADMIN)
    assert "Looks only" in page
    assert "of the territory" in page
    assert "Withdraw this role" in page
    assert "Acción" in force.page("/roles", ADMIN, "es")
    assert 'href="/roles"' not in force.page("/products", ("rep",))
    assert 'href="/roles"' in page

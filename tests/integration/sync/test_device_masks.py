"""What a role may not see stays off its devices, and what it doesn't see can't be changed from there."""

from __future__ import annotations

import httpx
import pytest

from services.sync.devices import rules
from shared.access.actions import Action, Reach
from shared.access.grants import Fields, Grant
from shared.events.customer import CustomerErased
from tests.integration.sync.field import Carried, Field, met, same, state, visitor, walking

ADA = {"given_name": "Ada", "family_name": "Byron", "city": "Rome", "phone": "+390612345678"}


def test_a_masked_item_names_what_it_lacks_and_the_device_agrees_with_the_server(field: Field, rita: Carried) -> None:
    member, other = met(field, **ADA), met(field, city="Milan")
    rita.device.note(member, "rings at night")
    rita.device.synchronize()
    field.settle()
    rita.device.pull()
    vera = visitor(field, "given_name", "city", rep="rita")
    vera.device.synchronize()
    item = vera.device.customer(member)
    assert item is not None
    assert sorted(item["fields"]) == ["city", "given_name"]
    assert item["masked"] == ["family_name", "phone", "text"]
    assert "text" not in item["notes"][0]
    kept = str(list(vera.device._db.execute("SELECT body FROM item")))
    assert not [hidden for hidden in ("Byron", "612345678", "night") if hidden in kept]
    assert "masked" not in vera.device.customer(other)  # type: ignore[operator]
    same(field, vera, Fields(["given_name", "city"]))
    same(field, rita)
    assert rita.device.customer(member)["fields"]["phone"]["value"] == ADA["phone"]  # type: ignore[index]


def test_what_changes_under_a_mask_comes_and_goes(field: Field) -> None:
    field.territory("north", "rita")
    shown = Fields(["city"])
    vera = visitor(field, "city", rep="rita")
    members = [met(field, family_name="Byron") for _ in range(3)]
    vera.device.synchronize()
    assert len(vera.device.customers()) == 3
    field.assign(members[0], "")
    field.told(field.callcenter, (f"customer/{members[1]}", CustomerErased()))
    met(field, family_name="Byron")
    vera.device.synchronize()
    assert len(vera.device.customers()) == 2
    same(field, vera, shown)


def test_a_role_that_comes_to_show_more_or_less_starts_the_device_over(field: Field) -> None:
    field.territory("north", "rita")
    member = met(field, **ADA)
    vera = visitor(field, "city", rep="rita")
    vera.device.synchronize()
    for fields in (["city", "phone"], ["*"], ["given_name"]):
        field.define_role("visitor", *walking(*fields))
        [(epoch, pos)] = vera.device._db.execute("SELECT epoch, pos FROM scope WHERE scope = 'territory/north'")
        told = vera.device._ask("GET", f"pull?scope=territory/north&after={pos}&epoch={epoch}")
        assert (told["start_over"], len(told["rows"])) == (True, 1)
        vera.device.synchronize()
        item = vera.device.customer(member)
        assert item is not None
        assert sorted(item["fields"]) == sorted(name for name in ADA if name in Fields(fields))
        same(field, vera, Fields(fields))
    kept = str(list(vera.device._db.execute("SELECT body FROM item")))
    assert "612345678" not in kept


def test_every_page_of_a_pull_is_masked_and_the_checkpoint_is_of_all(field: Field) -> None:
    field.territory("north", "rita")
    members = [met(field, **ADA) for _ in range(5)]
    vera = visitor(field, "city", rep="rita")
    rows, after, epoch = [], 0, ""
    for _ in range(9):
        answer = vera.device._ask("GET", f"pull?scope=territory/north&after={after}&epoch={epoch}&limit=2")
        rows += answer["rows"]
        if answer["checkpoint"]:
            break
        after, epoch = answer["rows"][-1]["pos"], answer["epoch"]
    bodies = [row["body"] for row in rows]
    assert "Byron" not in str(bodies)
    digest = rules.exclusive_or(rules.NO_DIGEST, *map(rules.digest_of, bodies)).hex()
    assert (answer["checkpoint"]["count"], answer["checkpoint"]["digest"]) == (len(members), digest)


def test_what_is_hidden_can_not_be_changed_from_a_device(field: Field) -> None:
    field.territory("north", "rita")
    member = met(field, **ADA)
    vera = visitor(field, "city", rep="rita")
    vera.device.synchronize()
    vera.device.edit(member, {"phone": "+390699999999"})
    vera.device.edit(member, {"city": "Milan", "given_name": "Eve"})
    vera.device.edit(member, {"city": "Turin"})
    vera.device.synchronize()
    assert [state(field, number) for number in (1, 2, 3)] == ["refused", "refused", "accepted"]
    assert vera.device.refused() == {1: "masked", 2: "masked"}
    # Nor what may be seen and not changed.
    field.define_role(
        "visitor", Grant(Action.DEVICE_PULL, Reach.TERRITORY), Grant(Action.DEVICE_PUSH, Reach.TERRITORY, ("phone",))
    )
    vera.device.edit(member, {"city": "Naples"})
    vera.device.note(member, "no words either")
    vera.device.edit(member, {"phone": "+390699999999"})
    vera.device.synchronize()
    assert [state(field, number) for number in (4, 5, 6)] == ["refused", "refused", "accepted"]


def test_what_was_set_aside_is_masked_for_operators_too(field: Field, rita: Carried) -> None:
    member = met(field, **ADA)
    rita.device.note(member, "Canary note")
    rita.device.edit(member, {"phone": "+390699999999", "city": "Milan"})
    field.withdraw("north", "rita")
    rita.device.push()
    field.define_role("keeper", Grant(Action.DEVICE_MANAGE, fields=("city",)))
    aside = field.ask("GET", "/quarantine", "kim", "keeper").json()
    assert [one["masked"] for one in aside] == [["text"], ["phone"]]
    headers = {**field.headers("kim", "keeper"), "accept": "text/html"}
    for shown in (str(aside), field.app.get("/devices", headers=headers).text):
        assert "Milan" in shown
        assert "Canary" not in shown
        assert "99999999" not in shown


def test_who_is_pulled_is_noted_as_seen(field: Field, rita: Carried) -> None:
    member = met(field, **ADA)
    rita.device.synchronize()
    seen = "SELECT subjects::text FROM audit_entry WHERE outcome = 'looked' AND origin = :origin"
    assert field.column(seen, origin=f"device/{rita.device.id}") == [f"{{customer/{member}}}"]


def test_a_role_that_may_not_pull_pulls_nothing(field: Field) -> None:
    field.territory("north", "rita")
    vera = visitor(field, "city", rep="rita")
    field.define_role("visitor", Grant(Action.DEVICE_ENROL))
    for ask in (vera.device.pull, lambda: field.push(vera, {"number": 1})):
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            ask()

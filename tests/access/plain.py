"""Ways that several services have, and how they are gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from shared.access.actions import Action
from tests.access.model import READS, Need
from tests.access.ways import Way
from tests.access.world import Ask, Change, Fill, World, need
from tests.builders import done

A = Action


def every(world: World) -> list[str]:
    """All customers."""
    return list(world.members.values())


def of_customer(
    suffix: str, action: Action, *, record: bool = False, shows: tuple[Action, ...] = (), stream: bool = False
) -> Fill:
    """A look at each customer."""

    def fill(world: World) -> Iterator[Ask]:
        for member in every(world):
            yield Ask(
                f"/customers/{member}{suffix}",
                need(action, member),
                member=member,
                record=member if record else "",
                shows=shows,
                stream=stream,
                may_fail=member in world.gone,
            )

    return fill


def register(world: World) -> Iterator[Ask]:
    needs = need(A.CUSTOMER_REGISTER, None, "given_name")
    yield Ask("/customers", needs, {"changes": {"given_name": "Emmy"}}, changes=True)


CHANGES: tuple[Mapping[str, Any], ...] = (
    {"phone": "+1 555 020 0001"},
    {"custom.hobby": "chess"},
    {"street": "Long road", "city": "Rome"},
    {"notes": "One more"},
)


def edit(world: World) -> Iterator[Ask]:
    for member in every(world):
        for changes in CHANGES:
            needs = need(A.CUSTOMER_EDIT, member, *changes)
            body = {"changes": changes}
            is_gone = member in world.gone
            yield Ask(f"/customers/{member}/edit", needs, body, changes=True, member=member, may_fail=is_gone)


def search(*names: str) -> Fill:
    """Searches by each of these, for each customer. ``words``: one box for all of them."""

    def fill(world: World) -> Iterator[Ask]:
        for member in every(world):
            for name in ("phone", "email", "family_name"):
                if words := world.value(member, name):
                    words = f"+{words}" if name == "phone" else words
                    under = "name" if name == "family_name" else name
                    body = (
                        {under: words} if names != ("words",) else {"words": words if name != "email" else f"{words}@"}
                    )
                    yield Ask("/customers/search", need(A.CUSTOMER_READ), body, finds=(member, name))

    return fill


CHANGING = ("phone", "email", "family_name", "city", "custom.hobby")
SEES_FIELDS = (A.CUSTOMER_READ, A.CUSTOMER_EXPORT, A.DEVICE_PULL)
OF_ANY: tuple[tuple[Action, str | None], ...] = tuple((action, None) for action in READS)
"""What there is of a customer is seen by who may know of it."""


def edits(
    world: World, write: Callable[[str, dict[str, str]], None], names: Collection[str] = CHANGING
) -> list[Change]:
    """Fields of customers that get another value, and their own again. ``write``: somebody else edits a member."""

    def change(member: str, name: str) -> Change:
        old = world.value(member, name)
        sign = {"phone": "+", "email": "@example.com"}.get(name, "")
        old = sign + old if name == "phone" else old + sign
        new = {"phone": "+15550209999", "email": "other@example.com"}.get(name, "Other")
        what = f"{name} of {world.label(member)}"
        do, undo = ({name: value} for value in (new, old))
        # That something was edited, if not what, is a line of the timeline.
        seen_by = (*((action, name) for action in SEES_FIELDS), (A.TIMELINE_READ, None))
        return Change(what, member, seen_by, lambda: write(member, do), lambda: write(member, undo))

    those = [(member, name) for member in every(world) for name in names]
    return [change(*one) for one in those if one[0] not in world.gone and world.value(*one)]


def anybody(path: str) -> Fill:
    """Open to who isn't known at all."""
    return lambda world: [Ask(path, ())]


def only(path: str, *needs: Need, **more: Any) -> Fill:
    """One request."""
    return lambda world: [Ask(path, needs, **more)]


def export(world: World) -> Iterator[Ask]:
    for format in ("csv", "ndjson"):
        path, needs = f"/customers/export?format={format}", need(A.CUSTOMER_EXPORT)
        yield Ask(path, needs, shows=(A.CUSTOMER_EXPORT,), file=format == "ndjson")


def log(world: World) -> Iterator[Ask]:
    for query in ("", "?outcome=changed", "?outcome=refused&actor=ada"):
        yield Ask(f"/audit{query}", need(A.AUDIT_READ))


ERASES = (Need(A.CUSTOMER_ERASE), Need(A.CUSTOMER_ERASE_CONSENT))


def propose(world: World) -> Iterator[Ask]:
    for member in every(world):
        needs, body = need(A.CUSTOMER_ERASE, member), {"customer": member}
        yield Ask("/erasures", needs, body, changes=True, member=member, may_fail=True)


def erasure(suffix: str = "", *, changes: bool = False) -> Fill:
    """What is proposed of a customer: for who may propose it of that very one, or may be the second person."""

    def fill(world: World) -> Iterator[Ask]:
        for id, member in world.things["erasure"]:
            either = (Need(A.CUSTOMER_ERASE, member), Need(A.CUSTOMER_ERASE_CONSENT))
            yield Ask(f"/erasures/{id}{suffix}", (), either=either, changes=changes, member=member, may_fail=True)

    return fill


def consent(world: World) -> Iterator[Ask]:
    for id, member in world.things["erasure"]:
        needs = need(A.CUSTOMER_ERASE_CONSENT)
        yield Ask(f"/erasures/{id}/consent", needs, changes=True, member=member, may_fail=True)


def definitions(world: World) -> Iterator[Ask]:
    """What a department defined, which is about nobody."""
    yield Ask("/definitions", need(A.FIELD_READ))
    yield Ask("/definitions?kind=customer_field", need(A.FIELD_READ))


def definition(path: str, *, changes: bool = True) -> Fill:
    """Define a field of customers, or say so."""
    body = {"kind": "customer_field", "code": "made_up", "label": "Made up", "form": "text"}
    return lambda world: [Ask(path, need(A.FIELD_DEFINE), body, changes=changes)]


_GONE = "/definitions/customer_field/gone"
ROLE = {"role": "made-up", "grants": ["customer.read/all"]}
PARKED = {"subscription": "main", "source": "nobody", "stream": "customer/nobody"}
EVERYWHERE: dict[Way, Fill] = {
    Way("GET", "/healthz"): anybody("/healthz"),
    Way("GET", "/readyz"): anybody("/readyz"),
    Way("GET", "/openapi.json"): anybody("/openapi.json"),
    Way("POST", "/session/end"): anybody("/session/end"),
    Way("POST", "/session/ended"): anybody("/session/ended"),
    Way("POST", "/session/renew"): anybody("/session/renew"),
    Way("GET", "/sign-in"): anybody("/sign-in"),
    Way("GET", "/signed-in"): anybody("/signed-in"),
    Way("GET", "/signed-out"): anybody("/signed-out"),
    Way("GET", "/static/{name}"): anybody("/static/page.js"),
    Way("GET", "/certificates/keys"): anybody("/certificates/keys"),
    Way("GET", "/audit", page=True): log,
    Way("GET", "/audit"): log,
    Way("GET", "/customers/export"): export,
    Way("GET", "/definitions", page=True): only("/definitions", Need(A.FIELD_READ)),
    Way("GET", "/definitions"): definitions,
    Way("POST", "/definitions"): definition("/definitions"),
    Way("POST", "/definitions/preview", page=True): definition("/definitions/preview", changes=False),
    Way("POST", "/definitions/{kind}/{code}/retire"): only(
        f"{_GONE}/retire", Need(A.FIELD_DEFINE), changes=True, may_fail=True
    ),
    Way("POST", "/definitions/{kind}/{code}/restore"): only(
        f"{_GONE}/restore", Need(A.FIELD_DEFINE), changes=True, may_fail=True
    ),
    Way("GET", "/exports", page=True): only("/exports", either=(Need(A.AUDIT_READ), Need(A.CUSTOMER_EXPORT))),
    Way("GET", "/exports"): only("/exports", either=(Need(A.AUDIT_READ), Need(A.CUSTOMER_EXPORT))),
    Way("GET", "/operations/parked"): only("/operations/parked", Need(A.OPERATIONS_READ)),
    Way("GET", "/operations/gained"): only("/operations/gained", Need(A.OPERATIONS_READ)),
    Way("POST", "/operations/redrive"): only(
        "/operations/redrive", Need(A.OPERATIONS_ACT), body=PARKED, changes=True, may_fail=True
    ),
    Way("POST", "/operations/skip"): only(
        "/operations/skip", Need(A.OPERATIONS_ACT), body=PARKED | {"reason": "why"}, changes=True, may_fail=True
    ),
    Way("GET", "/roles", page=True): only("/roles", Need(A.ROLE_READ)),
    Way("GET", "/roles"): only("/roles", Need(A.ROLE_READ)),
    Way("POST", "/roles"): only("/roles", Need(A.ROLE_DEFINE), body=ROLE, changes=True),
    Way("POST", "/roles/{role}/withdraw"): only(
        "/roles/nothing/withdraw", Need(A.ROLE_DEFINE), changes=True, may_fail=True
    ),
    Way("GET", "/sessions", page=True): only("/sessions", Need(A.SESSION_END)),
    Way("GET", "/sessions"): only("/sessions", Need(A.SESSION_END)),
    Way("POST", "/sessions/end"): only("/sessions/end", Need(A.SESSION_END), body={"subject": "zoe"}, changes=True),
    Way("POST", "/erasures"): propose,
    Way("GET", "/erasures", page=True): only("/erasures", either=ERASES),
    Way("GET", "/erasures"): only("/erasures", either=ERASES),
    Way("GET", "/erasures/{erasure}", page=True): erasure(),
    Way("GET", "/erasures/{erasure}"): erasure(),
    Way("GET", "/erasures/{erasure}/certificate"): erasure("/certificate"),
    Way("POST", "/erasures/{erasure}/consent"): consent,
    Way("POST", "/erasures/{erasure}/withdraw"): erasure("/withdraw", changes=True),
    Way("POST", "/erasures/{erasure}/look"): erasure("/look", changes=True),
}
"""Ways that every service has."""


def propose_erasure(world: World, member: str, actor: str, role: str) -> None:
    """Somebody proposes that a customer be forgotten."""
    headers = {"authorization": f"Bearer {world.token((role,), actor)}"}
    made = done(world.client.post("/erasures", json={"customer": member}, headers=headers), 201)
    world.holds("erasure", made["erasure"], member)

"""Whom the turns of devices accuse: a model of devices, of a network that loses and repeats, and of the one rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from services.sync.devices import rules

NAMES = count()
LOST = st.sampled_from(["", "", "request", "answer"])
ALONE = st.lists(st.one_of(st.tuples(st.just("ask"), LOST), st.tuples(st.just("repeat"), st.integers(0, 30))))
TOGETHER = st.lists(st.tuples(st.booleans(), LOST), max_size=12)


@dataclass
class Server:
    turn: int = 1
    used: dict[int, str] = field(default_factory=dict)
    met: list[str] = field(default_factory=list)

    def take(self, turn: int, request: str) -> int | None:
        """The next turn, none for who isn't let in."""
        met = rules.met(turn, request, self.turn, self.used.get(turn))
        self.met.append(met)
        if met == "next":
            self.used[turn] = request
            self.turn += 1
        return self.turn if met in ("next", "again") else None


@dataclass
class Device:
    turn: int = 1
    request: str = ""
    sent: list[tuple[int, str]] = field(default_factory=list)

    def ask(self, server: Server, lost: str) -> bool:
        """Whether there was an answer."""
        self.request = self.request or f"request {next(NAMES)}"
        if lost == "request":
            return False
        self.sent.append((self.turn, self.request))
        answer = server.take(self.turn, self.request)
        if lost == "answer" or answer is None:
            return False
        self.turn, self.request = answer, ""
        return True


def live(server: Server, device: Device, steps: list[tuple[str, str | int]]) -> None:
    for what, how in steps:
        if what == "ask":
            device.ask(server, str(how))
        elif device.sent:
            # The network brings something old once more.
            server.take(*device.sent[int(how) % len(device.sent)])


@given(ALONE)
def test_one_alone_is_never_accused_and_always_gets_through(steps: list[tuple[str, str | int]]) -> None:
    server, device = Server(), Device()
    live(server, device, steps)
    assert device.ask(server, "")
    assert not {"copied", "ahead"} & set(server.met)


@given(ALONE, TOGETHER)
def test_two_that_both_get_through_are_always_noticed(
    alone: list[tuple[str, str | int]], together: list[tuple[bool, str]]
) -> None:
    server, device = Server(), Device()
    live(server, device, alone)
    shared = bool(device.request)
    devices = {True: device, False: replace(device, sent=[])}
    came = {True: False, False: False}
    for which, lost in [*together, (True, ""), (False, ""), (True, ""), (False, "")]:
        came[which] |= devices[which].ask(server, lost)
        if "copied" in server.met:
            return
    # Only who had a request under way when it was copied may be held up instead, and then from the beginning.
    assert shared
    assert not all(came.values())


@given(ALONE, st.integers(0, 20), ALONE)
def test_nobody_is_accused_when_the_server_is_put_back(
    before: list[tuple[str, str | int]], more: int, after: list[tuple[str, str | int]]
) -> None:
    server, device = Server(), Device()
    live(server, device, before)
    restored = Server(server.turn, dict(server.used))
    for _ in range(more):
        device.ask(server, "")
    for what, how in after:
        if what == "ask":
            device.ask(restored, str(how))
    assert "copied" not in restored.met
    assert device.ask(restored, "") or set(restored.met) == {"ahead"}

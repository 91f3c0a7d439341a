"""A trace is taken over only in the form that W3C gives it, and never with anything that isn't random."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.edge import tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SOUND = f"00-{TRACE}-00f067aa0ba902b7-01"
FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")


def header(text: str) -> list[tuple[bytes, bytes]]:
    return [(b"accept", b"*/*"), (b"traceparent", text.encode())]


def test_a_request_s_trace_goes_on_with_a_span_of_its_own() -> None:
    taken = tracing.of_request(header(SOUND))
    assert FORM.fullmatch(taken)
    assert tracing.id_of(taken) == TRACE
    assert taken != SOUND


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-00", "00"),
        (f"00-{TRACE}-00f067aa0ba902b7-ff", "01"),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later", "01"),
    ],
)
def test_later_versions_and_flags_are_read_as_far_as_they_are_known(text: str, flags: str) -> None:
    assert tracing.read(text) == f"00-{TRACE}-00f067aa0ba902b7-{flags}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna@example.com",
        SOUND.upper(),
        f"{SOUND}-more",
        f"{SOUND}\n",
        f" {SOUND}",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
        f"00-{TRACE[:-1]}\u0664-00f067aa0ba902b7-01",
        f"cc-{TRACE}-00f067aa0ba902b7-01-{'x' * 600}",
    ],
)
def test_what_has_another_form_is_ignored(text: str) -> None:
    assert tracing.read(text) is None
    assert FORM.fullmatch(tracing.of_request(header(text)))


def test_two_traces_at_once_are_none() -> None:
    assert tracing.id_of(tracing.of_request(header(SOUND) + header(SOUND))) != TRACE


@given(st.text(max_size=80))
def test_whatever_is_sent_only_the_form_is_kept(text: str) -> None:
    kept = tracing.read(text)
    assert kept is None or FORM.fullmatch(kept)
    assert FORM.fullmatch(tracing.of_request([(b"traceparent", text.encode("utf-8", "replace"))]))


def test_lines_of_the_log_name_the_trace_they_belong_to() -> None:
    assert tracing.add_to_log(None, "info", {"event": "x"}) == {"event": "x"}
    with tracing.following(SOUND):
        assert tracing.add_to_log(None, "info", {"event": "x"}) == {"event": "x", "trace_id": TRACE}
        assert tracing.add_to_log(None, "info", {"trace_id": "own"}) == {"trace_id": "own"}
        assert tracing.outward() == {"traceparent": SOUND}
    assert (tracing.current(), tracing.trace_id(), tracing.outward()) == (None, "", {})

"""Personal text opens with its member's key in its own event, and in no other way."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from shared.events.facts import ERASED, Erased
from shared.pipeline.sealing import KeyEncryptionKeys, KeyMissing, MemberKey, WrongKey, new_key, seal, unseal

KEY = MemberKey("k1", AESGCM(bytes(32)))
OTHER = MemberKey("k1", AESGCM(bytes([7]) * 32))
OPENING = {"k1": KEY.cipher}
EVENT = "01890000-0000-7000-8000-000000000001"

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts)
def test_what_is_sealed_is_opened_again_and_isn_t_to_be_seen_meanwhile(text: str) -> None:
    sealed = seal(text, KEY, event_id=EVENT)
    assert unseal(sealed, OPENING, event_id=EVENT) == text
    assert not isinstance(unseal(sealed, OPENING, event_id=EVENT), Erased)
    assert len(text) < 4 or text not in sealed
    assert sealed != seal(text, KEY, event_id=EVENT)


@given(texts, st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_text_doesn_t_open(text: str, place: int, change: int) -> None:
    form, key_id, encoded = seal(text, KEY, event_id=EVENT).split(":")
    raw = bytearray(base64.b64decode(encoded))
    raw[place % len(raw)] ^= change
    with pytest.raises(WrongKey):
        unseal(f"{form}:{key_id}:{base64.b64encode(raw).decode()}", OPENING, event_id=EVENT)


@given(st.text(max_size=30))
def test_a_text_of_any_other_form_is_refused_as_such(text: str) -> None:
    for sealed in (text, f"1:k1:{text}", f"1:{text}"):
        if sealed:
            with pytest.raises((WrongKey, KeyMissing)):
                unseal(sealed, OPENING, event_id=EVENT)


def test_a_text_can_t_be_moved_to_another_event_or_member() -> None:
    sealed = seal("the bill", KEY, event_id=EVENT)
    with pytest.raises(WrongKey):
        unseal(sealed, OPENING, event_id=EVENT[:-1] + "2")
    with pytest.raises(WrongKey):
        unseal(sealed, {"k1": OTHER.cipher}, event_id=EVENT)


def test_without_its_key_a_text_is_missed_and_not_guessed_to_be_erased() -> None:
    with pytest.raises(KeyMissing):
        unseal(seal("the bill", KEY, event_id=EVENT), {}, event_id=EVENT)


def test_an_erased_member_s_texts_are_erased_read_or_written() -> None:
    assert unseal(seal("the bill", KEY, event_id=EVENT), None, event_id=EVENT) is ERASED
    assert seal("the bill", None, event_id=EVENT) == ""
    assert unseal("", OPENING, event_id=EVENT) is ERASED


def keks(*names: str) -> KeyEncryptionKeys:
    return KeyEncryptionKeys({name: name.encode().ljust(32, b"-") for name in names})


def test_an_old_key_encrypting_key_still_unwraps_and_the_first_one_wraps() -> None:
    key_id, key = new_key()
    before = keks("2025").wrap(key, source="callcenter", member="m")
    rotated = keks("2026", "2025")
    sealed = seal("x", MemberKey(key_id, AESGCM(key)), event_id=EVENT)
    again = rotated.wrap(key, source="callcenter", member="m")
    for wrapped in (before, again):
        cipher = rotated.unwrap(wrapped, source="callcenter", member="m")
        assert unseal(sealed, {key_id: cipher}, event_id=EVENT) == "x"
    assert again.startswith("2026:")


@pytest.mark.parametrize(
    ("opening", "source", "member"), [("2027", "callcenter", "m"), ("2025", "sync", "m"), ("2025", "callcenter", "n")]
)
def test_a_wrapped_key_opens_only_for_its_member_at_its_source(opening: str, source: str, member: str) -> None:
    wrapped = keks("2025").wrap(new_key()[1], source="callcenter", member="m")
    with pytest.raises(WrongKey):
        keks(opening).unwrap(wrapped, source=source, member=member)
    with pytest.raises(WrongKey):
        KeyEncryptionKeys({"2025": bytes(32)}).unwrap(wrapped, source="callcenter", member="m")


@given(st.text(max_size=60))
def test_a_wrapped_key_of_any_other_form_is_refused(text: str) -> None:
    for wrapped in (text, f"2025:{text}"):
        with pytest.raises(WrongKey):
            keks("2025").unwrap(wrapped, source="callcenter", member="m")


@pytest.mark.parametrize("text", ["", "a", "a:not base64", "a:" + base64.b64encode(b"short").decode()])
def test_key_encrypting_keys_that_are_no_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key-encrypting key"):
        KeyEncryptionKeys.from_text(text)

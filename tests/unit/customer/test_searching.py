"""How words are searched."""

from hypothesis import given
from hypothesis import strategies as st

from shared.customer.searching import _any_letters, plain


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_words_are_searched_as_all_others(words: str) -> None:
    assert plain(words) == _any_letters(words)

"""Hides secrets in texts, in each form that they may have taken on."""

from __future__ import annotations

import base64
import json
import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.secrets.masking import MASKED, Mask

SECRET = 'p@ss wörd/<42>&"x"'


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(SECRET, id="plain"),
        pytest.param(unicodedata.normalize("NFC", SECRET), id="composed"),
        pytest.param(json.dumps(SECRET)[1:-1], id="json"),
        pytest.param(json.dumps(SECRET, ensure_ascii=False)[1:-1], id="json-utf8"),
        pytest.param(
            json.dumps(SECRET, ensure_ascii=False)[1:-1]
            .replace("<", "\\u003c")
            .replace(">", "\\u003e")
            .replace("&", "\\u0026"),
            id="json-of-go",
        ),
        pytest.param(quote(SECRET), id="path"),
        pytest.param(quote(SECRET, safe=""), id="url"),
        pytest.param(quote_plus(SECRET), id="form"),
    ],
)
def test_every_form_of_a_secret_is_masked(form: str) -> None:
    assert Mask([SECRET])(f"before {form} after") == f"before {MASKED} after"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "another user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_masked_inside_of_base64(before: str, encode: object) -> None:
    assert callable(encode)
    secret = "??>>~~a rather long secret"
    encoded = encode(f"{before}{secret}:after".encode()).decode()
    masked = Mask([secret])(encoded)

    assert MASKED in masked
    rest = masked.replace(MASKED, "")
    assert len(rest) <= len(encoded) - len(secret)


def test_each_line_of_a_secret_is_masked() -> None:
    key = "-----BEGIN KEY-----\n  first line of it\nsecond line of it\n-----END KEY-----\n"

    assert Mask([key])("it says: second line of it!") == f"it says: {MASKED}!"
    assert Mask([key])("it says: first line of it!") == f"it says: {MASKED}!"


def test_a_short_string_is_no_secret() -> None:
    assert Mask(["12345", "a\nb"])("12345 a b") == "12345 a b"


def test_secrets_that_overlap_are_one_mask() -> None:
    assert Mask(["abcdefgh", "efghijkl"])("<abcdefghijkl>") == f"<{MASKED}>"
    assert Mask(["abcdef", "abcdefgh"])("<abcdefgh>") == f"<{MASKED}>"
    assert Mask(["abcabcabc"])("<abcabcabcabc>") == f"<{MASKED}>"


def test_neighbours_are_masked_each() -> None:
    assert Mask(["secret1", "secret2"])("secret1secret2") == MASKED + MASKED


def test_a_mask_for_more_values_covers_the_first_as_well() -> None:
    mask = Mask(["secret1"]).joined(["secret2"])

    assert mask("secret1 secret2") == f"{MASKED} {MASKED}"


def test_documents_are_masked_everywhere() -> None:
    document = {"a": ["x secret1", {"secret1": 1}], "b": None, "c": True}

    assert Mask(["secret1"]).everywhere(document) == {"a": [f"x {MASKED}", {MASKED: 1}], "b": None, "c": True}


def test_an_empty_mask_changes_nothing() -> None:
    assert Mask()("anything (masked)") == "anything (masked)"


@given(st.lists(st.text(min_size=6)), st.text(), st.text())
def test_no_secret_is_left_in_any_text(secrets: list[str], before: str, after: str) -> None:
    mask = Mask(secrets)
    masked = mask(before + "".join(secrets) + after)

    for secret in secrets:
        assert secret in MASKED or secret not in masked.replace(MASKED, "\0")


# Without parentheses: a secret could begin inside of one mask and end behind it.
WORDS = st.text(st.characters(exclude_characters="()"))


@given(st.lists(WORDS), WORDS)
def test_masking_twice_is_masking_once(secrets: list[str], text: str) -> None:
    mask = Mask(secrets)

    assert mask(mask(text)) == mask(text)

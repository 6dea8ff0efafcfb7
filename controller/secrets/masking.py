"""Which parts of a text must nobody read? Every secret string in it, in each form that it may have taken on."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASKED = "(masked)"
SHORTEST = 6  # shorter strings are common words and numbers: masking them would garble everything


class Mask:
    """Replaces secrets by `(masked)`: as they are, line by line, and escaped for JSON, URLs and base64."""

    __slots__ = ("_forms", "_values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = frozenset(values)
        forms = {form for value in self._values for form in _forms(value) if len(form) >= SHORTEST}
        # What stands in the replacement gives nothing away, and must not be replaced over and over.
        self._forms = tuple(sorted(form for form in forms if form not in MASKED))

    def __call__(self, text: str) -> str:
        """The text with all secrets masked; overlapping ones are one mask, so that no end of one peeps out."""
        spans = _united(sorted(span for form in self._forms for span in _found(form, text)))
        parts: list[str] = []
        end = 0
        for start, stop in spans:
            parts += [text[end:start], MASKED]
            end = stop
        return "".join([*parts, text[end:]])

    def everywhere(self, value: Any) -> Any:
        """The JSON value with all secrets masked in its strings, keys among them."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(key): self.everywhere(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self.everywhere(entry) for entry in value]
        return value

    def joined(self, values: Iterable[str]) -> Mask:
        """A mask for these values as well."""
        return Mask([*self._values, *values])


def _forms(value: str) -> Iterator[str]:
    # The engine normalises to NFC whatever it reads.
    for whole in {value, unicodedata.normalize("NFC", value)}:
        for text in {whole, whole.strip(), *(line.strip() for line in whole.splitlines())}:
            yield text
            if len(text) >= SHORTEST:
                yield from _escaped(text)


def _escaped(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        # Go writes these so in JSON.
        yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    raw = text.encode("utf-8", errors="surrogatepass")
    yield from (quote(raw), quote(raw, safe=""), quote_plus(raw))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield from _in_base64(raw, encode)


def _in_base64(raw: bytes, encode: Any) -> Iterator[str]:
    """The digits that are the same whatever stands before and after: for `user:secret` in one string, say."""
    for shift in range(3):
        digits = encode(b"\0" * shift + raw).decode().rstrip("=")
        first = (shift * 8 + 5) // 6
        last = (shift + len(raw)) * 8 // 6
        yield digits[first:last]


def _found(form: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _united(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    current: tuple[int, int] | None = None
    for start, stop in spans:
        if current and start < current[1]:
            current = current[0], max(current[1], stop)
        else:
            if current:
                yield current
            current = start, stop
    if current:
        yield current

"""Which value does a scalar of YAML stand for? The core schema of YAML 1.2, as far as JSON can hold it."""

from __future__ import annotations

import math
import re
import unicodedata

from controller.manifest.phrases import shown
from controller.model.document import Scalar

LONGEST_NUMBER = 100  # digits; the engine keeps about 150 and rounds the rest away

_CORE = "tag:yaml.org,2002:"
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NO_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMERIC = frozenset("+-.0123456789")


class UnreadableError(ValueError):
    """A scalar that stands for no value: what is wrong with it, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def plain(text: str) -> Scalar:
    """The value of a scalar without quotes and without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMERIC:
        return _numeric(text)
    return string(text)


def tagged(text: str, tag: str) -> Scalar:
    """The value of a scalar with an explicit tag such as `!!str`."""
    kind = tag.removeprefix(_CORE)
    if kind in {"!", "str"}:
        return string(text)
    if tag == kind or kind not in {"int", "float", "bool", "null"}:
        raise _unknown_tag(tag)
    value = plain(text)
    fits = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, (int, float)) and not isinstance(value, bool),
        "bool": isinstance(value, bool),
        "null": value is None,
    }
    if not fits[kind]:
        given = f"`{shown(text)}`" if text else "no value"
        raise UnreadableError(f"{given} does not fit the tag `!!{kind}`", "remove the tag or mend the value")
    return float(value) if kind == "float" and isinstance(value, int) else value


def string(text: str) -> str:
    """A text as the engine will have it: normalised to NFC. What it cannot hold is refused."""
    if "\0" in text:
        raise UnreadableError("the text holds the character NUL", "remove `\\0`; no resource can take it")
    if text.isascii():
        return text
    if _SURROGATE.search(text):
        raise UnreadableError(
            "the text holds half of a surrogate pair", "write the character itself, or as `\\U0001F600`"
        )
    return unicodedata.normalize("NFC", text)


def wrong_tag(tag: str, *, is_map: bool) -> UnreadableError | None:
    """What is wrong with the tag of a map or list; nothing, where it says only what that is anyway."""
    if tag in {"!", f"{_CORE}map" if is_map else f"{_CORE}seq"}:
        return None
    if tag.removeprefix(_CORE) in {"map", "seq", "str", "int", "float", "bool", "null"} and tag.startswith(_CORE):
        what = "a map" if is_map else "a list"
        return UnreadableError(f"{what} does not fit the tag `{_short(tag)}`", "remove the tag or mend the value")
    return _unknown_tag(tag)


def _unknown_tag(tag: str) -> UnreadableError:
    return UnreadableError(f"the tag `{_short(tag)}` is not known here", "remove it")


def _numeric(text: str) -> Scalar:
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise UnreadableError(f"`{shown(text)}` is too large for a number", "write it in quotes")
        return number
    if _NO_JSON.fullmatch(text):
        raise UnreadableError(f"`{text}` is a number that JSON does not have", "write it in quotes, or leave it out")
    return string(text)


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise UnreadableError(f"the number has more than {LONGEST_NUMBER} digits", "write it in quotes")
    if text[:2] in {"0o", "0x"}:
        return int(text, 0)
    return int(text)


def _short(tag: str) -> str:
    short = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
    return short[:40]

"""Texts and values that something on the way to the engine might take for something else than what they are."""

from __future__ import annotations

import re
import unicodedata
from random import Random
from typing import Any

PIECES = (
    *("$", "$$", "${", "%", "%%{", "{", "}", "${x}", "%{if x}", "$\\{", "\\", "\\\\", '"', "'", '"]}', "~", "#", " # "),
    *("\n", "\r", "\r\n", "\t", " ", "\x01", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff", "\ufffd"),
    *("é", "e\u0301", "ﬁ", "Å", "\u212b", "😀", "👩‍👩‍👧", "\u202eabc\u202c", "שלום", "\U0010ffff", "ß", "İ"),
    *("<<", "*", "&a", "!", "|", ">", "- ", ": ", "?", ",", "[", "]", "@", "`", "=", ".", "/", "//", "../", "EOT"),
    *("a", "b", "x-1", "A_B", "0", "1e9", "null", "true", "yes", "var.x", "module.a", "__proto__", "each.key"),
)
WHOLE = (
    *("", "null", "~", "true", "yes", "off", "12:30", "0o17", "0x1F", "1e3", ".5", "-0", "+1", ".inf", "<<", "=", "//"),
    *(
        "${var.x}",
        "$${var.x}",
        "$$${var.x}",
        "%{ for }",
        "%%{x}",
        "${~x~}",
        "$\\{x}",
        "$\\\\{x}",
        "$",
        "$$",
        "${",
        "%{",
    ),
    *("$\r${x}", "\ufeff${x}", "a\rb", "\r", "\r\n", "\n", " x ", "\tx", "x\n\n", "\n x", "- a\n- b", "a: b", "# x"),
    *(
        '"]}',
        "';--",
        "__proto__",
        "constructor",
        "<<EOT\nx\nEOT\n",
        "{{ x }}",
        "$(id)",
        "`id`",
        "\\u0041",
        "\\",
        "$output",
    ),
    *("${context.env_id}", "${resources.r.outputs.x}", "source", "count", "for_each", "$ref", "\u0130", "x" * 2000),
)


def text(chance: Random) -> str:
    """Any text that a manifest may hold; not always normalised."""
    match chance.randrange(4):
        case 0:
            return chance.choice(WHOLE)
        case 1:
            return "".join(_letter(chance) for _ in range(chance.randrange(8)))
        case _:
            return "".join(chance.choice(PIECES) for _ in range(chance.randrange(7)))


def value(chance: Random, deep: int = 2, *, nulls: bool = True) -> Any:
    """Any value of a param or input, its texts escaped; without `nulls` none stands where it would delete something."""
    kind = chance.randrange(8 if deep else 5)
    if kind == 4:
        return None if nulls else False
    if kind >= 6:
        return mapping(chance, deep - 1, nulls=nulls)
    if kind == 5:
        return [value(chance, deep - 1) for _ in range(chance.randrange(4))]
    return literal(text(chance)) if kind < 2 else number(chance) if kind == 2 else chance.random() < 0.5


def mapping(chance: Random, deep: int = 1, *, nulls: bool = True) -> dict[str, Any]:
    """A map with any keys; no two of them are the same when they are normalised."""
    keys = {normal(key): key for key in (text(chance) for _ in range(chance.randrange(4)))}
    return {key: value(chance, deep, nulls=nulls) for key in keys.values()}


def number(chance: Random) -> int | float:
    return chance.choice([0, 1, -1, 5, 2**53, 10**20, -(10**30), 0.5, 1e-7, 1.5e300, 3.0, chance.randrange(10**6)])


def literal(raw: str) -> str:
    """The text of a manifest or module that says `raw`, whatever stands in it."""
    return re.sub(r"\$(\\*)\{", r"$\\\1{", raw)


def score_literal(raw: str) -> str:
    """The same for a text of a Score file, where two dollars stand for one."""
    return raw.replace("$", "$$")


def is_for_score(raw: str) -> bool:
    """Whether Score has a way to say it: `$${context.x}` is a placeholder there."""
    return re.search(r"\$\{(?:context|shared|select)\.", raw) is None


def normal(raw: Any) -> Any:
    """What comes out: texts and keys in NFC."""
    if isinstance(raw, str):
        return unicodedata.normalize("NFC", raw)
    if isinstance(raw, list):
        return [normal(item) for item in raw]
    if isinstance(raw, dict):
        return {normal(key): normal(entry) for key, entry in raw.items()}
    return raw


def hcl(raw: str) -> str:
    """A text in quotes, as the engine's own language writes it."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    letters = (escapes.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in raw)
    return '"' + re.sub(r"([$%])\{", r"\1\1{", "".join(letters)) + '"'


def _letter(chance: Random) -> str:
    while True:
        code = chance.choice([chance.randrange(1, 0x250), chance.randrange(1, 0x3000), chance.randrange(1, 0x110000)])
        if not 0xD800 <= code < 0xE000:
            return chr(code)

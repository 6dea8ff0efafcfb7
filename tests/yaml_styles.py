"""Documents as YAML, in any of the ways that people and programs write it; read back, each is what it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*", re.ASCII)
_WORDS = frozenset({"true", "false", "null"})
_LONGEST_KEY = 200  # what is longer is written with a `?`


def written(documents: Sequence[Any], chance: Random) -> bytes:
    """A file with these documents; `chance` decides how they look."""
    newline = "\r\n" if chance.random() < 0.1 else "\n"
    texts = ["\n".join(_Writer(chance).block(document, 0)) + "\n" for document in documents]
    mark = "\ufeff" if chance.random() < 0.05 else ""
    start = "---\n" if chance.random() < 0.2 else ""
    whole = start + "---\n".join(texts)
    # A line break inside of a text is the reader's own; it must not become another one.
    return (mark + (whole if "|" in whole else whole.replace("\n", newline))).encode()


class _Writer:
    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.anchors: dict[str, str] = {}

    def block(self, value: Any, indent: int) -> list[str]:
        """The lines of a value, the first of them not indented."""
        if self.chance.random() < 0.15 or not isinstance(value, (dict, list)) or not value:
            return self.scalar(value, indent) if not isinstance(value, (dict, list)) else [self.flow(value)]
        lines = list(self._map(value, indent) if isinstance(value, dict) else self._list(value, indent))
        lines[0] = lines[0].lstrip(" ")
        return lines

    def _map(self, value: dict[str, Any], indent: int) -> Iterator[str]:
        space, is_first = " " * indent, True
        for key, entry in value.items():
            if not is_first and self.chance.random() < 0.05:
                yield space * self.chance.randrange(2) + "# a remark: with `${x}`"
            is_first = False
            name = self.key(key)
            if len(name) > _LONGEST_KEY:
                yield f"{space}? {name}"
                yield f"{space}: {self.flow(entry)}"
                continue
            lines = self.block(entry, indent + 2)
            if isinstance(entry, (dict, list)) and entry and not lines[0].startswith(("{", "[")):
                yield f"{space}{name}:" + self.remark()
                yield " " * (indent + 2) + lines[0]
            else:
                yield f"{space}{name}: {lines[0]}"
            yield from lines[1:]

    def _list(self, value: list[Any], indent: int) -> Iterator[str]:
        for item in value:
            lines = self.block(item, indent + 2)
            yield " " * indent + "- " + lines[0]
            yield from lines[1:]

    def remark(self) -> str:
        return "  # and why" if self.chance.random() < 0.05 else ""

    def flow(self, value: Any) -> str:
        """On one line, as JSON would have it."""
        if isinstance(value, dict):
            pairs = (self._pair(key, entry) for key, entry in value.items())
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        return _quoted(value) if isinstance(value, str) else json.dumps(value)

    def _pair(self, key: str, entry: Any) -> str:
        name = _quoted(key)
        return f"{'? ' if len(name) > _LONGEST_KEY else ''}{name}: {self.flow(entry)}"

    def key(self, key: str) -> str:
        return key if self.chance.random() < 0.7 and _is_plain(key) else _quoted(key)

    def scalar(self, value: Any, indent: int) -> list[str]:
        if not isinstance(value, str):
            return [json.dumps(value)]
        if value in self.anchors and self.chance.random() < 0.5:
            return [f"*{self.anchors[value]}"]
        if _is_literal(value) and self.chance.random() < 0.7:
            head = "|2" + ("+" if value.endswith("\n") else "-")
            lines = value.removesuffix("\n").split("\n")
            return [head, *(" " * indent + line if line else "" for line in lines)]
        if _is_plain(value) and self.chance.random() < 0.7:
            return [value]
        if value.isascii() and value.isprintable() and self.chance.random() < 0.4:
            return ["'" + value.replace("'", "''") + "'"]
        if self.chance.random() < 0.1:
            name = self.anchors.setdefault(value, f"a{len(self.anchors)}")
            return [f"&{name} {_quoted(value)}"]
        return [_quoted(value)]


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS


def _is_literal(text: str) -> bool:
    """Whether the lines can stand as they are below a `|`."""
    lines = text.split("\n")
    return "\n" in text and bool(lines[0].strip()) and all(line.isascii() and line.isprintable() for line in lines)


def _quoted(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in text) + '"'

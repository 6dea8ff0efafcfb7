"""How is a result printed? As a table for people, as JSON or YAML for machines."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
Cell = Callable[[Mapping[str, Any]], object]


def format_option(*choices: str) -> Callable[[F], F]:
    """`-o`; the first choice is the default."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(choices),
        default=choices[0],
        help=f"How to print it, {choices[0]} by default.",
    )


def show(document: Any, form: str) -> None:
    """Print a document as JSON or YAML."""
    click.echo(text(document, form), nl=False)


def text(document: Any, form: str) -> str:
    if form == "json":
        written = json.dumps(document, indent=2, ensure_ascii=False)
        return re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", written) + "\n"
    import yaml

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def say(text: str, *, err: bool = True, nl: bool = True) -> None:
    """Print what somebody else has written: it may have lines, and cannot move the cursor or change the terminal."""
    click.echo(harmless(text), err=err, nl=nl)


def harmless(text: str) -> str:
    r"""The text without colours, and with `�` for what a terminal would obey.

    >>> harmless("\x1b[31mred\x1b[0m, \x1b]0;title\x07 and one\r\ntwo")
    'red, �]0;title� and one\ntwo'
    """
    plain = click.unstyle(text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join("�" if _is_obeyed(c) else c for c in plain)


def _is_obeyed(character: str) -> bool:
    if character in "\n\t":
        return False
    return unicodedata.category(character) == "Cc" or character in _DIRECTIONS


_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they show a text in another order


def table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Cell]) -> None:
    """Print rows below their headings, each column as wide as its widest cell."""
    cells = [[_cell(of(row)) for of in columns.values()] for row in rows]
    lines = [list(columns), *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        click.echo(_line(line, widths))


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A name from elsewhere must not move the cursor or break the row.
    return "".join(c if c.isprintable() else " " for c in str(value))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

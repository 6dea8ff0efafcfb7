"""Would the engine take the configuration of a provider? The names of its arguments and nested blocks, where written.

A key that ends in `[N]` with a map below it is the nested block number N of that name; only in blocks can blocks be.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from controller.errors import Problem
from controller.manifest.phrases import shown
from controller.model import reserved
from controller.model.document import Node

_NUMBERED = re.compile(r"(.+?)(\\?)\[[0-9]+\]", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def problems(configuration: Node) -> Iterator[Problem]:
    """What is wrong with the names of a provider's configuration."""
    return _body(configuration, reserved.PROVIDER_ARGUMENTS)


def _body(body: Node, kept: Collection[str]) -> Iterator[Problem]:
    """Of a block, in which the engine has `kept` some names for itself."""
    seen: dict[str, bool] = {}  # whether the name is that of nested blocks
    for key, node in body.entries.items():
        numbered = _NUMBERED.fullmatch(key)
        name = numbered[1] if numbered else key
        is_block = numbered is not None and not numbered[2] and node.is_map
        if name in kept:
            remedy = "set `version_constraint` beside `configuration`" if name == "version" else "leave it out"
            yield _problem(node, f"the engine keeps the argument `{name}` for itself", remedy)
        elif numbered and not is_block:
            remedy = "write a map below it, or take the number away" if not numbered[2] else "take the end away"
            yield _problem(node, f"`{shown(key)}` is neither the name of an argument nor a nested block", remedy)
        elif not _NAME.fullmatch(name):
            what = f"`{shown(name)}` cannot be the name of an argument"
            yield _problem(node, what, "use letters, digits, `_` and `-`")
        elif seen.setdefault(name, is_block) is not is_block:
            yield _problem(node, f"`{name}` is both an argument and a nested block", "keep one of them")
        if is_block:
            yield from _body(node, ())


def _problem(node: Node, what: str, remedy: str) -> Problem:
    return Problem(node.key or node.place, what, remedy)

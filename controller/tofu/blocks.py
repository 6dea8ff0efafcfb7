"""How does a provider's configuration tell nested blocks from arguments?

A key that ends in `[N]` with a map for its value is the nested block number N of that name; `\\[N]` at the end of a key
is an argument that really ends so. Only the body of a block can hold blocks: a map that is the value of an argument
is an ordinary map. Values are those of a desired document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from controller.model.document import Json
from controller.tofu import values

_NUMBERED = re.compile(r"(.+?)(\\?)\[(\d+)\]", re.DOTALL)


def body(configuration: Mapping[str, Json], argument: Callable[[Json], Json]) -> dict[str, Json]:
    """The body of the block: `argument` writes the value of each argument; those that are null are left out."""
    arguments, nested = split(configuration)
    written = {name: argument(value) for name, value in arguments.items() if value is not None}
    return written | {name: [body(one, argument) for one in several] for name, several in nested.items()}


def split(configuration: Mapping[str, Json]) -> tuple[Mapping[str, Json], Mapping[str, Sequence[Mapping[str, Json]]]]:
    """The arguments, and the nested blocks in order, by name."""
    arguments: dict[str, Json] = {}
    nested: dict[str, list[tuple[int, Mapping[str, Json]]]] = {}
    for key, value in sorted(configuration.items()):
        name = values.plain_key(key)
        numbered = _NUMBERED.fullmatch(name)
        if numbered is None or not (numbered[2] or values.is_map(value)):
            arguments[name] = value
        elif numbered[2]:
            arguments[f"{numbered[1]}[{numbered[3]}]"] = value
        else:
            nested.setdefault(numbered[1], []).append((int(numbered[3]), value))
    ordered = {name: [one for _, one in sorted(several, key=lambda item: item[0])] for name, several in nested.items()}
    return arguments, ordered

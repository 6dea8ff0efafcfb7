"""Score documents with something changed in them: dropped, added, renamed, replaced or swapped."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from controller.model.document import Json

MUTANTS: Sequence[Json] = (
    *(None, True, False, 0, 1, -1, 80, 80.0, 80.5, 65535, 65536, 1e300, 10**40, 0.1),
    *(
        "",
        "a",
        "ab",
        "Ab",
        "a.b",
        "a--b",
        "-a",
        "a-",
        "a_b",
        "a=b",
        "12",
        "0600",
        "1644",
        "0o644",
        "8",
        "10000",
        ".",
        "$",
        "\n",
    ),
    *("1.5Gi", "01M", "1k", "0", "1e3", "100m", "0.5G", "1.5m", ".5", "1.", "m", "1.0m", "٣", "250m\n", "٣m"),
    *(
        "x" * 62,
        "x" * 63,
        "x" * 64,
        "a/" + "b" * 63,
        "a" * 253,
        "aa." * 84 + "aa/" + "b" * 63,
        "ab/cd",
        "A.org/xy",
        "acme.org/x",
    ),
    *(
        "TCP",
        "tcp",
        "HTTP",
        "http",
        "started",
        "healthy",
        "running",
        "score.dev/v1b1",
        "score.dev/v1b1\n",
        "X-A",
        "X A",
    ),
    *("a.b.c", "a..b", "a.-b", "ä", "ab\n", "ab ", "${resources.db}", "${metadata.name}", "${x}", "$${y}"),
    *([], {}, [[]], ["a"], [1], [None], {"a": "b"}, {"aa": {}}, {"aa": None}, {"name": "ab"}, {"image": "a"}),
    *(
        {"port": 80},
        {"port": 80, "path": "/"},
        {"port": "80"},
        {"exec": {"command": []}},
        {"httpGet": {"port": 1, "path": ""}},
    ),
    *(
        {"source": "x"},
        {"source": "x", "content": ""},
        {"content": "", "mode": "0644"},
        {"content": ["a", "b"]},
        {"ready": "started"},
    ),
    *(
        [{"target": "/a", "content": ["x", "y"]}],
        [{"source": "x"}],
        [{"target": "/a", "source": "x", "read_only": True}],
    ),
    *(
        {"type": "tt"},
        {"type": "tt", "class": "cl@ss?"},
        {"annotations": {"a": "b"}},
        {"annotations": {"ab": "b"}},
        {"memory": 12},
    ),
)
UNKNOWN = (
    *(
        "x-foo",
        "name",
        "target",
        "source",
        "content",
        "binaryContent",
        "type",
        "id",
        "class",
        "params",
        "metadata",
        "files",
    ),
    *(
        "mode",
        "noExpand",
        "readOnly",
        "read_only",
        "properties",
        "before",
        "ports",
        "a",
        "ab",
        "A",
        "",
        "a=b",
        "ab\n",
        "x" * 64,
    ),
    *(
        "annotations",
        "command",
        "variables",
        "volumes",
        "resources",
        "livenessProbe",
        "httpGet",
        "exec",
        "httpHeaders",
        "limits",
    ),
)


@st.composite
def mutated(draw: st.DrawFn, bases: Sequence[Json]) -> Json:
    """One of the documents with one to three parts dropped, added, renamed, replaced or swapped."""
    document = copy.deepcopy(draw(st.sampled_from(bases)))
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in _paths(document) if path]
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        _MUTATIONS[draw(st.sampled_from(sorted(_MUTATIONS)))](draw, document, path, paths)
    return document


_Path = tuple[Any, ...]


def _drop(_: st.DrawFn, document: Json, path: _Path, __: Sequence[_Path]) -> None:
    del _at(document, path[:-1])[path[-1]]


def _replace(draw: st.DrawFn, document: Json, path: _Path, _: Sequence[_Path]) -> None:
    _at(document, path[:-1])[path[-1]] = copy.deepcopy(draw(st.sampled_from(MUTANTS)))


def _add(draw: st.DrawFn, document: Json, path: _Path, _: Sequence[_Path]) -> None:
    found, value = _at(document, path), copy.deepcopy(draw(st.sampled_from(MUTANTS)))
    if isinstance(found, dict):
        found[draw(st.sampled_from(UNKNOWN))] = value
    elif isinstance(found, list):
        found.append(value)


def _rename(draw: st.DrawFn, document: Json, path: _Path, _: Sequence[_Path]) -> None:
    parent = _at(document, path[:-1])
    if isinstance(parent, dict):
        name = draw(
            st.sampled_from(UNKNOWN)
            | st.just(f"{path[-1]}\n")
            | st.sampled_from([str(path[-1]).upper(), f"{path[-1]}x"])
        )
        parent[name] = parent.pop(path[-1])


def _end_line(_: st.DrawFn, document: Json, path: _Path, __: Sequence[_Path]) -> None:
    parent = _at(document, path[:-1])
    if isinstance(parent[path[-1]], str):
        parent[path[-1]] += "\n"


def _swap(draw: st.DrawFn, document: Json, path: _Path, paths: Sequence[_Path]) -> None:
    other = draw(st.sampled_from(list(paths)))
    if path[: len(other)] != other and other[: len(path)] != path:
        one, two = _at(document, path[:-1]), _at(document, other[:-1])
        one[path[-1]], two[other[-1]] = two[other[-1]], one[path[-1]]


def _as_list(_: st.DrawFn, document: Json, path: _Path, __: Sequence[_Path]) -> None:
    """The deprecated form of files and volumes."""
    for container in document["containers"].values() if isinstance(document.get("containers"), dict) else ():
        for key in ("files", "volumes"):
            found = container.get(key) if isinstance(container, dict) else None
            if isinstance(found, dict):
                items = [{"target": target, **entry} for target, entry in found.items() if isinstance(entry, dict)]
                container[key] = items


_MUTATIONS = {
    "drop": _drop,
    "replace": _replace,
    "add": _add,
    "rename": _rename,
    "end-line": _end_line,
    "swap": _swap,
    "as-list": _as_list,
}


def _at(value: Json, path: _Path) -> Json:
    for step in path:
        value = value[step]
    return value


def _paths(value: Json, path: _Path = ()) -> list[_Path]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, inner in steps for found in _paths(inner, (*path, step)))]

"""Score files of chance that are right, with hostile texts in every field that takes any."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from random import Random
from typing import Any

from tests import hostile
from tests.generated_platform import SCALARS, Platform, Type, given
from tests.hostile import is_for_score, score_literal, text

_ALIASES = ("db", "vol-1", "00")


def score(
    chance: Random, made: Platform, name: str, shared: Mapping[str, tuple[Type, dict[str, Any]]]
) -> tuple[dict[str, Any], dict[str, bytes], bool]:
    """A Score file, the files that it mounts, and whether it leaves its image open."""
    asked = {alias: chance.choice(made.offered) for alias in chance.sample(_ALIASES, chance.randrange(4))}
    is_open = chance.random() < 0.5
    data: dict[str, bytes] = {}
    main = _container(chance, asked, "." if is_open else f"img{text(chance)}")
    main["files"] = _files(chance, asked, name, data)
    document = {
        "apiVersion": "score.dev/v1b1",
        "metadata": {"name": name, "annotations": {"acme.org/xy": text(chance)}, "more": hostile.value(chance)},
        "service": {"ports": {"web": {"port": 80, "targetPort": 8080.0}}} if chance.random() < 0.5 else {},
        "containers": {"main": main, "side": {"image": "x", "before": {"main": {"ready": "started"}}}},
        "resources": {alias: _resource(chance, type_, alias, asked, shared) for alias, type_ in asked.items()},
    }
    return document, data, is_open


def score_overrides(chance: Random, name: str) -> dict[str, Any]:
    variables = {"NEW": _text(chance, {})}
    return {"metadata": {"name": name}, "containers": {"main": {"args": [text(chance)], "variables": variables}}}


def _container(chance: Random, asked: Mapping[str, Type], image: str) -> dict[str, Any]:
    variables = {text(chance).replace("=", "") or "V": _text(chance, asked) for _ in range(chance.randrange(4))}
    volumes = {}
    if asked and chance.random() < 0.5:
        volumes["/vol" + text(chance)] = {"source": f"${{resources.{chance.choice(sorted(asked))}}}", "path": "x"}
    return {
        "image": image,
        "command": [text(chance) for _ in range(chance.randrange(3))],
        "args": [text(chance)],
        "variables": {hostile.normal(key): value for key, value in variables.items()},
        "volumes": volumes,
        "resources": {"limits": {"memory": "1.5Gi"}, "requests": {"cpu": "250m"}},
        "livenessProbe": {"exec": {"command": [text(chance)]}},
        "readinessProbe": {"httpGet": {"port": 8080, "path": "/" + text(chance)}},
    }


def _files(chance: Random, asked: Mapping[str, Type], name: str, data: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if chance.random() < 0.5:
        found["/a" + text(chance)] = {"content": _text(chance, asked), "mode": "0644"}
    if chance.random() < 0.5:
        found["/b"] = {"content": text(chance), "noExpand": True}
    if chance.random() < 0.3:
        found["/c"] = {"binaryContent": base64.b64encode(text(chance).encode()).decode()}
    if chance.random() < 0.3:
        path = f"data-{name}/d é.txt"
        data[path] = hostile.normal(_text(chance, asked)).encode()
        found["/d"] = {"source": path}
    return found


def _resource(
    chance: Random,
    type_: Type,
    alias: str,
    asked: Mapping[str, Type],
    shared: Mapping[str, tuple[Type, dict[str, Any]]],
) -> dict[str, Any]:
    joined = [(name, entry) for name, (other, entry) in shared.items() if other is type_]
    if joined and chance.random() < 0.5:
        name, entry = chance.choice(joined)
        return {**entry, "id": name}
    above = {name: other for name, other in asked.items() if other.rank > type_.rank and name != alias}
    params = {
        name: _text(chance, above) if kind == "string" else given(chance, kind) or _empty(kind)
        for name, kind in type_.params.items()
        if name not in type_.optional or chance.random() < 0.5
    }
    return {"type": type_.name, **({"params": params} if params else {})}


def _empty(kind: str) -> Any:
    return {"number": 0, "bool": False, "list": [], "map": {}}.get(kind, "x")


def _text(chance: Random, asked: Mapping[str, Type]) -> str:
    """A text of Score: literal pieces, and placeholders between them."""
    pieces = [_literal(chance)]
    for alias, type_ in asked.items():
        scalars = [name for name, kind in type_.outputs.items() if kind in SCALARS]
        if chance.random() < 0.4:
            pieces += [f".${{resources.{alias}.{chance.choice(scalars)}}}", _literal(chance)]
    if chance.random() < 0.2:
        pieces += [".${metadata.name}", ".$${context.env_id}"]
    return "".join(pieces)


def _literal(chance: Random) -> str:
    raw = text(chance)
    return score_literal(raw) if is_for_score(raw) else "x"

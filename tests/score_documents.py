"""Score documents of chance that are right, with everything that Score knows and hostile texts in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from controller.model.document import Json

# Texts that something on the way might take for something else than what they are.
_HOSTILE = (
    *("", "$", "$$", "$x", "${", "{", "}", "%{ if true }", "%%{", "\\", "$\\{x}", '"', "'", "\n", "\r\n", "\t", " "),
    *(
        "# a",
        ": ",
        "- ",
        "<<",
        "*a",
        "yes",
        "null",
        "1e3",
        "12:30",
        "é",
        "e\u0301",
        "\u2028",
        "\ufeff",
        "😀",
        "\x1b[0m",
    ),
    *("${x}", "${HOME}", "$${x}", "${self.outputs.x}", "${resources.nobody.x}", "${context.env_id}", "${var.x}"),
)
TEXTS = st.lists(
    st.sampled_from(_HOSTILE) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4),
    max_size=4,
).map("".join)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,4}[a-z0-9]", fullmatch=True)
_TYPES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,4}[A-Za-z0-9]", fullmatch=True).filter(
    lambda each: each != "workload"
)
_IDS = st.from_regex(r"[a-z0-9]{1,3}-{1,2}[a-z0-9](\.[a-z0-9]{1,3}){0,2}", fullmatch=True)
_ANNOTATIONS = st.from_regex(
    r"([a-z0-9]{2,4}(\.[a-z]{2,3}){0,2}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,4}[A-Za-z0-9]", fullmatch=True
)
_PORTS = st.integers(1, 65535) | st.sampled_from([1, 65535, 80.0])
_KEYS = st.sampled_from(["a", "host", "x_y", "A-1", "version", "count", "locals", "a9"])
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS.map(lambda key: unicodedata.normalize("NFC", key)), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def score_files(draw: st.DrawFn) -> Json:
    """A document without anything that we refuse: see the list in docs/score.md."""
    metadata = {
        "name": draw(NAMES),
        "annotations": draw(st.dictionaries(_ANNOTATIONS, TEXTS, max_size=2)),
        "Team.x": draw(_VALUES),
    }
    aliases = draw(st.lists(NAMES.filter(lambda name: name != "score-workload"), max_size=3, unique=True))
    resources = {alias: draw(_resource(metadata, aliases[:index])) for index, alias in enumerate(aliases)}
    for resource, other in zip(resources.values(), reversed(resources.values()), strict=True):
        if "id" in resource and "id" in other:  # who shares a resource gives it the same params
            resource.pop("params", None)
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    return {
        "apiVersion": "score.dev/v1b1",
        "metadata": metadata,
        "containers": {name: draw(_container(metadata, aliases, names[at:])) for at, name in enumerate(names, start=1)},
        **draw(_some(service=_some(ports=st.dictionaries(NAMES, _port(), max_size=2)))),
        **({"resources": resources} if resources or draw(st.booleans()) else {}),
    }  # fmt: skip


def _some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=keys)


def _port() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"port": _PORTS}, optional={"protocol": st.sampled_from(["TCP", "UDP"]), "targetPort": _PORTS}
    )


@st.composite
def expanded(draw: st.DrawFn, metadata: Json, aliases: Sequence[str]) -> str:
    """A text in which Score looks for placeholders; a `$` before one of a resource is what a manifest cannot say."""
    pieces = []
    for _ in range(draw(st.integers(0, 3))):
        pieces.append(draw(TEXTS).replace("$", "$$").replace("$${context", "x"))
        if draw(st.booleans()):
            pieces.append(
                draw(
                    st.sampled_from(
                        ["${metadata.name}", "${metadata.Team\\.x}", "$${y}", ".$${context.env_id}", "${unclosed"]
                    )
                )
            )
        if pieces[-1] == "${unclosed":
            break
        if aliases and draw(st.booleans()):
            alias, deeper = draw(st.sampled_from(list(aliases))), draw(st.sampled_from(["", ".b", ".0-x"]))
            pieces.append(f".${{resources.{alias}.{draw(_KEYS)}{deeper}}}")
    return "".join(pieces)


@st.composite
def _resource(draw: st.DrawFn, metadata: Json, above: Sequence[str]) -> Json:
    values = st.one_of(
        _VALUES.map(_literal), expanded(metadata, above), st.lists(expanded(metadata, above), max_size=2)
    )
    optional = {
        "class": _TYPES,
        "id": _IDS,
        "metadata": st.fixed_dictionaries(
            {}, optional={"annotations": st.dictionaries(_ANNOTATIONS, TEXTS, max_size=1)}
        ),
        "params": st.dictionaries(_KEYS, values, max_size=3),
    }
    return draw(st.fixed_dictionaries({"type": _TYPES}, optional=optional))


def _literal(value: Json) -> Json:
    """The same value with texts that Score leaves as they are."""
    if isinstance(value, str):
        return value.replace("$", "$$").replace("$${context", "x")
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return {key: _literal(entry) for key, entry in value.items()} if isinstance(value, dict) else value


@st.composite
def _container(draw: st.DrawFn, metadata: Json, aliases: Sequence[str], others: Sequence[str]) -> Json:
    texts = st.lists(TEXTS, max_size=3)
    probe = _probe()
    optional: Mapping[str, st.SearchStrategy[Any]] = {
        "command": texts,
        "args": texts,
        "variables": st.dictionaries(
            _normal(TEXTS.filter(lambda key: bool(key) and "=" not in key)), expanded(metadata, aliases), max_size=2
        ),
        "files": st.dictionaries(_normal(TEXTS), _file(metadata, aliases), max_size=2),
        "volumes": st.dictionaries(_normal(TEXTS), _volume(metadata, aliases), max_size=2),
        "resources": _some(limits=_amounts(), requests=_amounts()),
        "livenessProbe": probe,
        "readinessProbe": probe,
        "before": st.dictionaries(st.sampled_from(list(others)), st.just({"ready": "started"}), max_size=2)
        if others
        else st.just({}),
    }
    image = st.just(".") | TEXTS.filter(lambda text: text not in {"", "."})
    return draw(st.fixed_dictionaries({"image": image}, optional=optional))


def _normal(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return texts.map(lambda text: unicodedata.normalize("NFC", text))


def _amounts() -> st.SearchStrategy[Json]:
    return _some(
        memory=st.sampled_from(["128Mi", "1.5Gi", "0.5G", "1", "10E"]), cpu=st.sampled_from(["0", "250m", "0.25", "1"])
    )


def _probe() -> st.SearchStrategy[Json]:
    header = st.fixed_dictionaries({"name": st.just("X-A_1"), "value": TEXTS.filter(bool)})
    extra = {
        "host": TEXTS.filter(bool),
        "scheme": st.sampled_from(["HTTP", "HTTPS"]),
        "httpHeaders": st.lists(header, max_size=1),
    }
    http = st.fixed_dictionaries({"port": _PORTS, "path": TEXTS}, optional=extra)
    return _some(httpGet=http, exec=st.fixed_dictionaries({"command": st.lists(TEXTS, max_size=2)})).filter(bool)


def _file(metadata: Json, aliases: Sequence[str]) -> st.SearchStrategy[Json]:
    extra = {"mode": st.sampled_from(["0644", "600"])}
    content = st.fixed_dictionaries(
        {"content": expanded(metadata, aliases)}, optional={**extra, "noExpand": st.just(False)}
    )
    literal = st.fixed_dictionaries({"content": TEXTS, "noExpand": st.just(True)}, optional=extra)
    binary = st.fixed_dictionaries({"binaryContent": TEXTS}, optional=extra)
    source = st.fixed_dictionaries({"source": st.sampled_from(["f.txt", "./a/é.yaml", "b/../b/c"])}, optional=extra)
    return content | literal | binary | source


@st.composite
def _volume(draw: st.DrawFn, metadata: Json, aliases: Sequence[str]) -> Json:
    bare = [f"${{resources.{alias}}}" for alias in aliases]
    source = expanded(metadata, aliases) | st.sampled_from(["", "disk", *bare])
    return draw(st.fixed_dictionaries({"source": source}, optional={"path": TEXTS, "readOnly": st.booleans()}))

"""A platform of chance that is right: types, modules of every kind with their code, providers, runners, rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests import hostile
from tests.generated_code import BUILTIN, SCALARS, Code
from tests.hostile import literal, text

Documents = dict[str, list[Any]]
RULE_IDS = ("main", "shared.cache", "workloads.api.r0", "a.b-c", "9")
ENVIRONMENT_TYPES = ("development", "staging", "production", "qa-2", "x9")
SCORE = "score-workload"
KINDS = ("string", "number", "bool", "list", "map", "any")

_TYPES = ("gateway", "Postgres", "S3-Bucket", "queue", "dns", "0-B", "network")
_CLASSES = ("large", "Big-1", "99")
_INPUTS = ("name", "for", "null", "in", "if", "self", "path", "x-1", "A_b", "type", "each", "terraform", "var", "true")
_PARAMS = ("size", "text", "flag", "labels", "module", "input", "else", "local", "Zone", "b-")
_OUTPUTS = ("host", "source", "port", "is-on", "_x", "null", "for", "all", "Tags", "x-")


@dataclass(frozen=True)
class Type:
    """A resource type: what its modules take and give, and the params of all who ask for the same resource."""

    name: str
    rank: int  # resources wait for those of a higher rank alone, so that nothing goes round in a circle
    params: Mapping[str, str]  # name -> kind
    optional: frozenset[str]
    outputs: Mapping[str, str]
    same_params: Mapping[str, Any]
    is_offered: bool = True  # to developers; the others come with modules only


@dataclass
class Platform:
    """What the files of the platform say, for those who write manifests."""

    documents: Documents = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    types: list[Type] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    environment_types: list[str] = field(default_factory=list)
    has_copies: bool = False
    organization: str | None = None

    @property
    def offered(self) -> list[Type]:
        """What a manifest may ask for."""
        return [each for each in self.types[1:] if each.is_offered]

    def above(self, rank: int) -> list[Type]:
        return [each for each in self.types if each.rank > rank]


def platform(chance: Random, folder: str, environments: Iterable[tuple[str, str]]) -> Platform:
    """A platform below `folder` for these environments: (project, name)."""
    made = Platform(has_copies=chance.random() < 0.5, organization=chance.choice([None, "acme", "a-1"]))
    made.environment_types = ["development", *chance.sample(ENVIRONMENT_TYPES[1:], chance.randrange(4))]
    made.classes = ["default", *chance.sample(_CLASSES, chance.randrange(2))]
    made.documents[f"{folder}/environment-types.yaml"] = [
        [_environment_type(chance, id_) for id_ in made.environment_types]
    ]
    names = [SCORE, *chance.sample(_TYPES, chance.randrange(1, 5))]
    made.types = [_type(chance, name, rank) for rank, name in enumerate(names)]
    _resource_types(chance, made, folder)
    _providers(chance, made, folder)
    _runners(chance, made, folder)
    criteria = list(environments)
    for type_ in made.types:
        for number, rules in enumerate(_rules(chance, made, type_, criteria)):
            _Module(chance, made, folder, type_, f"{type_.name.lower().replace('0-', 'zero-')}-{number}").write(rules)
    return made


def given(chance: Random, kind: str, *, nulls: bool = True) -> Any:
    """A value for a param of this kind, without placeholders."""
    match kind:
        case "string":
            return literal(text(chance))
        case "number":
            return hostile.number(chance)
        case "bool":
            return chance.random() < 0.5
        case "list":
            return [hostile.value(chance, 1) for _ in range(chance.randrange(4))]
        case "map":
            return hostile.mapping(chance, 2, nulls=nulls)
        case _:
            return hostile.value(chance, 2, nulls=nulls) or "x"


@dataclass(frozen=True)
class Offer:
    """A placeholder that may stand somewhere, and the kind of what it yields."""

    text: str
    kind: str


def offers(prefix: str, type_: Type) -> list[Offer]:
    """Every output of a resource, `prefix` being what comes before `.outputs`; of a map also what is in it."""
    found = [Offer(f"${{{prefix}.outputs.{name}}}", kind) for name, kind in type_.outputs.items()]
    maps = (name for name, kind in type_.outputs.items() if kind == "map")
    return [
        *found,
        *(Offer(f"${{{prefix}.outputs.{name}.deep.{key}}}", "string") for name in maps for key in ("0", "-e")),
    ]


def filled(chance: Random, kind: str, known: list[Offer], *, nulls: bool = True) -> Any:
    """A value for a param of this kind, with or without placeholders out of `known`."""
    fitting = [offer for offer in known if kind in ("any", offer.kind)]
    if not known or chance.random() < 0.4:
        return given(chance, kind, nulls=nulls)
    if fitting and chance.random() < 0.6:
        return chance.choice(fitting).text
    if kind == "string":
        return mixed(chance, known)
    if kind in ("map", "any"):
        return {**hostile.mapping(chance, 1, nulls=nulls), "ref": chance.choice(known).text, "${": mixed(chance, known)}
    return [chance.choice(known).text, mixed(chance, known)] if kind == "list" else given(chance, kind)


def mixed(chance: Random, known: list[Offer]) -> str:
    """A text with placeholders in it."""
    scalars = [offer.text for offer in known if offer.kind in SCALARS] or [""]
    pieces = (_before(literal(text(chance))) + chance.choice(scalars) for _ in range(chance.randrange(1, 3)))
    return "".join(pieces) + literal(text(chance))


def _before(escaped: str) -> str:
    # `$` and then `${x}` would be an escape.
    return escaped + "." if escaped.endswith("$") else escaped


def _environment_type(chance: Random, id_: str) -> dict[str, Any]:
    return {"id": id_, **_some(chance, display_name="Ümlaut 😀 $", production=chance.random() < 0.5)}


def _some(chance: Random, **entries: Any) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if chance.random() < 0.5}


def _type(chance: Random, name: str, rank: int) -> Type:
    names = chance.sample(_OUTPUTS, chance.randrange(1, 5))
    outputs = {key: chance.choice(KINDS) for key in names} | {"source": "string"}
    if name == SCORE:
        params = dict.fromkeys(("metadata", "containers", "service"), "map")
        return Type(name, rank, params, frozenset(params), outputs, {})
    params = {key: chance.choice(KINDS) for key in chance.sample(_PARAMS, chance.randrange(4))}
    optional = frozenset(key for key in params if chance.random() < 0.5)
    same = {
        key: given(chance, kind, nulls=False)
        for key, kind in params.items()
        if key not in optional or chance.random() < 0.5
    }
    required = {key: "x" if value is None else value for key, value in same.items()}
    return Type(name, rank, params, optional, outputs, required, is_offered=rank == 1 or chance.random() < 0.8)


def _resource_types(chance: Random, made: Platform, folder: str) -> None:
    documents = []
    for type_ in made.types:
        properties = {name: _schema(chance, kind) for name, kind in type_.outputs.items()}
        whole: Any = {
            "type": "object",
            "properties": properties,
            **_some(chance, description=text(chance), additionalProperties=False),
        }
        loose = {"additionalProperties": True, "title": text(chance)}
        schema = chance.choice([whole, whole, loose, None])
        document = {"id": type_.name, **({} if schema is None else {"output_schema": schema})}
        document |= {} if type_.is_offered else {"is_developer_accessible": False}
        documents.append(document | _some(chance, description=text(chance)[:200]))
    if chance.random() < 0.5:
        made.documents[f"{folder}/resource-types/all.yaml"] = documents
    else:
        made.documents |= {f"{folder}/resource-types/{each['id']}.yaml": [each] for each in documents}


def _schema(chance: Random, kind: str) -> Any:
    name = {"string": "string", "number": "number", "bool": "boolean", "list": "array", "map": "object"}.get(kind)
    found: dict[str, Any] = {"type": name} if name else {}
    if kind == "map":
        found["properties"] = {"deep": {"type": "object", "properties": {"0": {}, "-e": True}}}
    return found | _some(chance, description=text(chance), examples=[hostile.value(chance, 1)])


def _providers(chance: Random, made: Platform, folder: str) -> None:
    for id_ in ("main", "other_1"):
        document = {
            "provider_type": "terraform",
            "id": id_,
            "source": BUILTIN,
            **_some(chance, description=text(chance)),
        }
        made.documents[f"{folder}/providers/{id_}.yaml"] = [document | _some(chance, configuration={})]


def _runners(chance: Random, made: Platform, folder: str) -> None:
    if chance.random() < 0.4:
        return
    local = {"type": "local", "env": {"HOSTILE": text(chance), "_x": "1"}}
    state = chance.choice([{"type": "local"}, {"type": "s3", "bucket": "b", "path_prefix": "p"}])
    first = {"id": "local", "runner_configuration": local, "state_storage_configuration": state, "rules": [{}]}
    rules = [{"env_type_id": chance.choice(made.environment_types), "project_id": "elsewhere"}]
    cluster = {"cluster_data": {"certificate_authority_data": "x", "server": "https://k.example"}}
    job = {"namespace": "n", "service_account": "s"}
    other = {
        "id": "far",
        "runner_configuration": {"type": "kubernetes", "cluster": cluster, "job": job},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
        "rules": rules,
    }
    made.documents[f"{folder}/runners/all.yaml"] = [first, other] if chance.random() < 0.5 else [first]


def _rules(
    chance: Random, made: Platform, type_: Type, environments: list[tuple[str, str]]
) -> list[list[dict[str, str]]]:
    """The rules of each module of a type: those of the first hold for all, those of the others for some."""
    found = [[{} if name == "default" else {"resource_class": name} for name in made.classes]]
    seen = {json.dumps(rule, sort_keys=True) for rule in found[0]}
    for _ in range(chance.randrange(3)):
        project, environment = chance.choice(environments)
        rule = {} if chance.random() < 0.5 else {"resource_class": chance.choice(made.classes)}
        if rule == {"resource_class": "default"}:
            rule = {}
        rule |= {} if chance.random() < 0.5 else {"resource_id": chance.choice(RULE_IDS)}
        more: list[dict[str, str]] = [{}, {"project_id": project}, {"project_id": project, "env_id": environment}]
        rule |= chance.choice([*more, {"env_type_id": chance.choice(made.environment_types)}])
        key = json.dumps(rule, sort_keys=True)
        found += [] if key in seen else [[rule]]
        seen.add(key)
    return found


class _Module:
    """One module, with its code."""

    def __init__(self, chance: Random, made: Platform, folder: str, type_: Type, id_: str) -> None:
        self.chance, self.made, self.type, self.id = chance, made, type_, id_
        self.folder = f"{folder}/modules"
        self.inputs = [name for name in chance.sample(_INPUTS, chance.randrange(5)) if name not in type_.params]
        self.dependencies: dict[str, Type] = {}

    def write(self, rules: list[dict[str, str]]) -> None:
        chance, document = self.chance, {"resource_type": self.type.name}
        params = {name: self._param(name, kind) for name, kind in self.type.params.items()}
        made = {
            "module_params": params,
            "dependencies": self._dependencies(),
            "coprovisioned": self._coprovisioned(),
            "module_inputs": self._inputs(),
            "rules": rules,
            **_some(chance, description=text(chance)[:200], ordering=chance.choice(["strict", "references"])),
        }
        has_provider = chance.random() < 0.3
        if has_provider:
            made["provider_mapping"] = {"terraform": f"terraform.{chance.choice(['main', 'other_1'])}"}
        variables = {**self.type.params, **dict.fromkeys(self.inputs, "any")}
        code = Code(
            chance, variables, {*self.type.optional, *self.inputs}, self.type.outputs, has_provider=has_provider
        )
        self._place({**document, **{key: entry for key, entry in made.items() if entry}}, code)

    def _place(self, document: dict[str, Any], code: Code) -> None:
        own, documents, files = f"{self.folder}/{self.id}", self.made.documents, self.made.files
        match self.chance.randrange(5):
            case 0:
                documents[f"{own}.yaml"] = [document | {"module_source": "inline", "module_source_code": code.native()}]
            case 1:
                documents[f"{own}.yaml"] = [document | {"module_source": f"./code-{self.id}"}]
                files[f"{self.folder}/code-{self.id}/main.tf.json"] = code.json()
            case 2:
                documents[f"{own}/module.yaml"] = [document | {"module_source": "./deep", "id": self.id}]
                files[f"{own}/deep/main.tf"] = code.native()
                files[f"{own}/deep/notes ${{x}} é.txt"] = "not code"
            case 3:
                documents[f"{own}/module.yaml"] = [document | {"module_source": ".", "includes": ["../common"]}]
                files[f"{own}/main.tf"] = code.native() + 'module "common" {\n  source = "../common/lib"\n}\n'
                files[f"{self.folder}/common/lib/main.tf"] = 'output "x" {\n  value = file("${path.module}/x.txt")\n}\n'
                files[f"{self.folder}/common/lib/x.txt"] = "x"
            case _:
                documents[f"{own}/module.yaml"] = [document | {"module_source": "."}]
                files[f"{own}/main.tf"] = code.native()

    def _param(self, name: str, kind: str) -> dict[str, Any]:
        optional = {"is_optional": True} if name in self.type.optional else {}
        return {"type": kind, **optional, **_some(self.chance, description=text(self.chance))}

    def _dependencies(self) -> dict[str, Any]:
        found = {}
        for type_ in self.chance.sample(self.made.above(self.type.rank), min(2, len(self.made.above(self.type.rank)))):
            alias = self.chance.choice(["d", "0", "A-b_", "-", "net"]) + str(len(found))
            if self.chance.random() < 0.6:
                found[alias] = self._asked(type_, alias)
                self.dependencies[alias] = type_
        return found

    def _asked(self, type_: Type, alias: str) -> dict[str, Any]:
        """A dependency: on a resource that nobody else asks for, or on one that all may share."""
        chance = self.chance
        if chance.random() < 0.5:
            known = [
                offer
                for name, other in self.dependencies.items()
                if other.rank > type_.rank
                for offer in offers(f"resources.{name}", other)
            ]
            return self._own(type_, alias.strip("-_").lower().replace("_", "") or "z", [*known, *self._context()])
        class_ = chance.choice([{}, {"class": "@"}, {"class": chance.choice(self.made.classes)}])
        id_ = chance.choice([{}, {"id": "@"}, {"id": "@-x"}, {"id": "x.@"}, {"id": "main"}])
        params = {"params": dict(type_.same_params)} if type_.same_params else {}
        return {"type": type_.name, **class_, **id_, **params}

    def _own(self, type_: Type, name: str, known: list[Offer]) -> dict[str, Any]:
        params = {
            key: filled(self.chance, kind, known) for key, kind in type_.params.items() if self._is_given(type_, key)
        }
        params = {key: "x" if value is None else value for key, value in params.items()}
        return {"type": type_.name, "class": "@", "id": f"@.{self.id}-{name}", "params": params}

    def _is_given(self, type_: Type, name: str) -> bool:
        return name not in type_.optional or self.chance.random() < 0.5

    def _coprovisioned(self) -> list[Any]:
        chance, above = self.chance, self.made.above(self.type.rank)
        if not above or chance.random() < 0.6:
            return []
        type_, copies = chance.choice(above), self.made.has_copies and chance.random() < 0.7
        known = [*offers("self", self.type), *self._context()]
        below = [each for each in self.made.types if each.rank < self.type.rank]
        if not copies and below:
            other = chance.choice(below)
            known += [Offer(f"${{select.consumers('{other.name}').outputs.{name}}}", "many") for name in other.outputs]
        asked = self._own(type_, "co", known)
        if copies:
            asked["copy_dependents_from_current"] = True
        return [asked | ({"is_dependent_on_current": True} if chance.random() < 0.5 else {})]

    def _inputs(self) -> dict[str, Any]:
        known = [offer for alias, type_ in self.dependencies.items() for offer in offers(f"resources.{alias}", type_)]
        for type_ in self.made.types:
            name = self.chance.choice(list(type_.outputs))
            filter_ = type_.name + self.chance.choice(["", ".default", ".@", ".@#@", "#main"])
            known.append(Offer(f"${{select.dependencies('{filter_}').outputs.{name}}}", "many"))
            known.append(
                Offer(f"${{select.dependencies('{type_.name}').dependencies('{type_.name}').outputs.{name}}}", "many")
            )
        known += self._context()
        return {name: self._input(known) for name in self.inputs}

    def _input(self, known: list[Offer]) -> Any:
        lists = [offer for offer in known if offer.kind == "many"]
        if self.chance.random() < 0.2:
            return self.chance.choice(lists).text
        return filled(self.chance, "any", [offer for offer in known if offer.kind != "many"])

    def _context(self) -> list[Offer]:
        keys = ["res_id", "res_type", "res_class", "env_id", "env_type_id", "project_id"]
        keys += ["org_id"] if self.made.organization else []
        return [Offer(f"${{context.{key}}}", "string") for key in keys]

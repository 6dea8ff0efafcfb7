"""Code of modules, in the engine's own language and in its JSON, with texts in it that ask for care."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from random import Random
from typing import Any

from tests.hostile import hcl, text

BUILTIN = "terraform.io/builtin/terraform"  # the only provider that no engine downloads
SCALARS = ("string", "number", "bool")


class Code:
    """Code of a module that takes all params and inputs of a type and gives its outputs."""

    def __init__(
        self,
        chance: Random,
        variables: Mapping[str, str],
        optional: Collection[str],
        outputs: Mapping[str, str],
        *,
        has_provider: bool,
    ) -> None:
        self.chance, self.variables, self.optional, self.outputs = chance, variables, optional, outputs
        self.has_provider = has_provider

    def native(self) -> str:
        lines = ["# ${x} %{y}", *(self._required() if self.has_provider else ())]
        for name, kind in self.variables.items():
            default = ["  default = null"] if name in self.optional else []
            lines += [f'variable "{name}" {{', f"  type = {_type(kind)}", *default, "}"]
        inner = hcl(text(self.chance))
        lines += ['resource "terraform_data" "it" {', f"  input = {inner}", "}"]
        for name, kind in self.outputs.items():
            lines += [f'output "{name}" {{', f"  value = {self._value(kind)}", *self._sensitive(kind), "}"]
        if self.chance.random() < 0.5:
            key = hcl("x" + text(self.chance))
            lines += ['output "platform_orchestrator_metadata" {', f"  value = {{ {key} = {inner} }}", "}"]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        variables = {
            name: {"type": _type(kind), **({"default": None} if name in self.optional else {})}
            for name, kind in self.variables.items()
        }
        whole: dict[str, Any] = {
            "variable": variables,
            "output": {name: {"value": f"${{{self._value(kind)}}}"} for name, kind in self.outputs.items()},
            "resource": {"terraform_data": {"it": {"input": "$${x}"}}},
        }
        if self.has_provider:
            whole["terraform"] = {"required_providers": {"terraform": {"source": BUILTIN}}}
        return json.dumps({key: entry for key, entry in whole.items() if entry})

    def _required(self) -> list[str]:
        return ["terraform {", "  required_providers {", f'    terraform = {{ source = "{BUILTIN}" }}', "  }", "}"]

    def _value(self, kind: str) -> str:
        string = self.chance.choice(["terraform_data.it.id", hcl(text(self.chance))])
        deep = '{ deep = { 0 = "x", "-e" = ' + string + ' }, "$${1}" = null }'
        values = {"string": string, "number": "4 + 1", "bool": "true", "list": f"[{string}, 1]", "map": deep}
        return values.get(kind) or self.chance.choice([*values.values(), "null"])

    def _sensitive(self, kind: str) -> list[str]:
        return ["  sensitive = true"] if kind == "string" and self.chance.random() < 0.2 else []


def _type(kind: str) -> str:
    return kind if kind in SCALARS else "any"

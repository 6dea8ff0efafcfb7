"""What does a dependency lock file say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NoReturn

from controller.errors import ManifestError, Place, Problem
from controller.model.bundle import ProviderPin
from controller.model.deployment import EngineKind
from controller.tofu import hcl

NAME = ".terraform.lock.hcl"

_PROGRAM = {EngineKind.OPENTOFU: "tofu", EngineKind.TERRAFORM: "terraform"}
_REMEDY = "let the engine write this file: `providers lock`, with the platforms that the runners have"


def parse(text: str, path: str = NAME) -> Mapping[str, ProviderPin]:
    """The entries of a lock file by the full address of the provider."""
    try:
        body = hcl.parse(text)
    except hcl.HclError as e:
        raise ManifestError([Problem(Place(path, e.line, e.column), e.what, _REMEDY)]) from e
    pins: dict[str, ProviderPin] = {}
    for block in body.of("provider"):
        if len(block.labels) != 1 or block.labels[0].count("/") != 2:
            _refuse(path, block, "a provider's full address, `host/namespace/type`, is missing")
        if block.labels[0] in pins:
            _refuse(path, block, f"`{block.labels[0]}` has two entries")
        pins[block.labels[0]] = _pin(path, block)
    return dict(sorted(pins.items()))


def write(pins: Mapping[str, ProviderPin], engine: EngineKind = EngineKind.OPENTOFU) -> str:
    """The lock file with these entries, as the engine itself writes it."""
    return "".join(_lines(pins, engine))


def _lines(pins: Mapping[str, ProviderPin], engine: EngineKind) -> Iterator[str]:
    yield f'# This file is maintained automatically by "{_PROGRAM[engine]} init".\n'
    yield "# Manual edits may be lost in future updates.\n"
    for address, pin in sorted(pins.items()):
        yield f'\nprovider "{address}" {{\n'
        if pin.constraints:
            yield f'  version     = "{pin.version}"\n'
            yield f'  constraints = "{pin.constraints}"\n'
        else:
            yield f'  version = "{pin.version}"\n'
        if pin.hashes:
            yield "  hashes = [\n"
            yield from (f'    "{digest}",\n' for digest in sorted(pin.hashes))
            yield "  ]\n"
        yield "}\n"


def _pin(path: str, block: hcl.Block) -> ProviderPin:
    given = {name: hcl.literal(expression) for name, expression in block.body.attributes.items()}
    version, constraints, hashes = given.get("version"), given.get("constraints"), given.get("hashes", [])
    if not isinstance(version, str) or not version:
        _refuse(path, block, f"the entry of `{block.labels[0]}` has no version")
    if not isinstance(constraints, str | None):
        _refuse(path, block, f"the constraints of `{block.labels[0]}` are not a text")
    if not isinstance(hashes, list) or not all(isinstance(digest, str) for digest in hashes):
        _refuse(path, block, f"the hashes of `{block.labels[0]}` are not a list of texts")
    return ProviderPin(version, constraints, tuple(sorted(hashes)))


def _refuse(path: str, block: hcl.Block, what: str) -> NoReturn:
    raise ManifestError([Problem(Place(path, block.line, block.column), what, _REMEDY)])

"""What does a dependency lock file say?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from controller import hcl
from controller.errors import ManifestError, Place, Problem
from controller.model.bundle import ProviderPin
from controller.model.deployment import EngineKind

NAME = ".terraform.lock.hcl"

_PROGRAM = {EngineKind.OPENTOFU: "tofu", EngineKind.TERRAFORM: "terraform"}
_PLAIN = re.compile(r"[\w .,:;/+=<>!~@-]*")  # what addresses, versions, constraints and hashes are written with
_REMEDY = "let the engine write this file: `providers lock`, with the platforms that the runners have"


def parse(text: str, path: str = NAME) -> Mapping[str, ProviderPin]:
    """The entries of a lock file by the full address of the provider."""
    try:
        body = hcl.parse(text)
    except hcl.HclError as e:
        raise ManifestError([Problem(Place(path, e.line, e.column), e.what, _REMEDY)]) from e
    lines = hcl.Lines(text)
    pins: dict[str, ProviderPin] = {}
    problems: list[Problem] = []
    for block in body.of("provider"):
        pin = _pin(block, pins.keys())
        if isinstance(pin, ProviderPin):
            pins[block.labels[0]] = pin
        else:
            problems.append(Problem(Place(path, *lines.place(block.offset)), pin, _REMEDY))
    if problems:
        raise ManifestError(problems)
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


def _pin(block: hcl.Block, before: Collection[str]) -> ProviderPin | str:
    """The pin of an entry, or what is wrong with it. `before`: addresses of other entries."""
    address = block.labels[0] if len(block.labels) == 1 else ""
    if address.count("/") != 2:
        return "a provider's full address, `host/namespace/type`, is missing"
    if address in before:
        return f"`{address}` has two entries"
    given = {name: hcl.literal(expression) for name, expression in block.body.attributes.items()}
    version, constraints, hashes = given.get("version"), given.get("constraints"), given.get("hashes", [])
    if not isinstance(version, str) or not version:
        return f"the entry of `{address}` has no version"
    if not isinstance(constraints, str | None):
        return f"the constraints of `{address}` are not a text"
    if not isinstance(hashes, list) or not all(isinstance(digest, str) for digest in hashes):
        return f"the hashes of `{address}` are not a list of texts"
    if not all(map(_PLAIN.fullmatch, (address, version, constraints or "", *hashes))):
        return f"the entry of `{address}` has characters that no address, version, constraint or hash is written with"
    return ProviderPin(version, constraints, tuple(sorted(hashes)))

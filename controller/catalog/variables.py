"""Does the code of a module have the inputs that it is given? Asked where the code lies in this repository."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from controller import hcl
from controller.errors import ManifestError, Problem, suggest
from controller.manifest import links
from controller.manifest.phrases import shown
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.document import Node
from controller.model.tree import Tree

_NATIVE, _JSON = (".tf", ".tofu"), (".tf.json", ".tofu.json")
_VARIABLE = re.compile(r'\bvariable\s+"?([A-Za-z_][\w-]*)"?\s*\{')


def problems(given: Mapping[str, Node], source: ModuleSource, tree: Tree) -> Iterator[Problem]:
    """Inputs and params, by name, of which the code knows nothing."""
    code = _code(source, tree)
    if code is None or given.keys() <= {name for _, text in code for name in _VARIABLE.findall(text)}:
        return
    declared = _declared(code)
    for name, node in given.items() if declared is not None else ():
        if name not in (declared or ()):
            what = f"the code of the module has no variable `{shown(name)}`"
            remedy = suggest(name, declared or (), "declare it there, or remove it here")
            yield Problem(node.key or node.place, what, remedy)


def _code(source: ModuleSource, tree: Tree) -> Sequence[tuple[str, str]] | None:
    """The module's own files, each by its path; None where they cannot be seen."""
    if source.kind is SourceKind.INLINE:
        return (("main.tf", source.code or ""),)
    if source.kind is not SourceKind.LOCAL:
        return None
    paths = (f"{source.address}/{name}" for name in tree.names(source.address) if name.endswith((*_NATIVE, *_JSON)))
    try:
        return tuple((path, links.content(tree, path).decode()) for path in paths)
    except (ManifestError, UnicodeDecodeError):
        return None


def _declared(code: Iterable[tuple[str, str]]) -> frozenset[str] | None:
    """The variables; None where the code is not of the language, which is said elsewhere."""
    found: set[str] = set()
    try:
        for path, text in code:
            if path.endswith(_JSON):
                found.update(label for block in hcl.blocks(hcl.document(text), "variable") for label in block)
            else:
                found.update(label for block in hcl.parse(text).of("variable") for label in block.labels[:1])
    except hcl.HclError:
        return None
    return frozenset(found)

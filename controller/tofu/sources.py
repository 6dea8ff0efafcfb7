"""Where does the engine find a module's code?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from controller.errors import ConflictError
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.document import Json

IN_THE_BUNDLE = (SourceKind.LOCAL, SourceKind.INLINE)


def pinned(source: ModuleSource, commits: Mapping[str, str]) -> ModuleSource:
    """The source with the commit that was recorded for its tag or branch, if one was."""
    if source.kind is SourceKind.GIT and source.version is None and source.address in commits:
        return replace(source, version=commits[source.address])
    return source


def arguments(id_: str, module: Mapping[str, Json]) -> dict[str, str]:
    """`source` and `version` of a module block; `module` is an entry of a desired document."""
    kind, place, version = SourceKind(module["kind"]), module.get("address", ""), module.get("version")
    if kind is SourceKind.GIT and version:
        return {"source": _at_commit(place, version)}
    if kind is SourceKind.REGISTRY and version:
        return {"source": place, "version": version}
    if kind in IN_THE_BUNDLE:
        return {"source": "./" + "/".join(part for part in (folder(id_, module), _inside(module)) if part)}
    return {"source": place}


def folder(id_: str, module: Mapping[str, Json]) -> str:
    """Where in the bundle the files of a module lie; below it a path is that of the repository."""
    return f"modules/{id_}/{module['content'][:12]}"


def files(
    id_: str, module: Mapping[str, Json], trees: Mapping[str, Mapping[str, bytes]]
) -> Iterator[tuple[str, bytes]]:
    """The files of a module in the bundle. `trees`: content id -> path in the repository -> content."""
    kind, content = SourceKind(module["kind"]), module["content"]
    if kind is SourceKind.INLINE:
        yield f"{folder(id_, module)}/main.tf", module["code"].encode()
    elif kind is SourceKind.LOCAL:
        if content not in trees:
            raise ConflictError(
                f"the files of module `{id_}` ({content[:12]}) are no longer at hand; deploy it from Git"
            )
        for path, text in sorted(trees[content].items()):
            yield f"{folder(id_, module)}/{path}", text


def _inside(module: Mapping[str, Json]) -> str:
    return module.get("address", "").strip("/") if module["kind"] == SourceKind.LOCAL else ""


def _at_commit(address: str, commit: str) -> str:
    # With `depth` only a branch or tag can be fetched by every engine, so a commit takes the place of both.
    place, _, query = address.partition("?")
    others = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in ("ref", "depth")]
    return f"{place}?{'&'.join([*others, f'ref={commit}'])}"

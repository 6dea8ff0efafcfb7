"""Documents, trees and complaints for the tests of the manifest room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import dedent
from typing import Any

import pytest

from controller.errors import ManifestError
from controller.manifest import compose, environment, layout, reading
from controller.manifest.compose import Composed
from controller.model.document import Json, Node, plain
from controller.model.manifest import EnvironmentConfig
from controller.model.tree import Kind, MemoryTree

Files = Mapping[str, bytes | str | tuple[Kind, bytes]]

TYPES = ("development", "production", "staging")

SCORE = """\
apiVersion: score.dev/v1b1
metadata: {name: api}
containers:
  main: {image: nginx}
"""


def cases(table: Mapping[str, tuple[Any, ...]]) -> list[Any]:
    """Parameters of a test by their ids."""
    return [pytest.param(*values, id=name) for name, values in table.items()]


def node(text: str, path: str = "f.yaml") -> Node:
    """The only document of a YAML text, indented as the test likes."""
    return reading.read_one(path, dedent(text).encode())


def complaints(call: Callable[[], Any]) -> list[str]:
    """The lines that a call refuses its input with."""
    with pytest.raises(ManifestError) as caught:
        call()
    return str(caught.value).split("\n")


def tree(files: Files) -> MemoryTree:
    """A tree of files; texts may be indented as the test likes."""
    return MemoryTree.of({path: dedent(what) if isinstance(what, str) else what for path, what in files.items()})


def link(target: str) -> tuple[Kind, bytes]:
    """A symbolic link, as a tree has it."""
    return Kind.LINK, target.encode()


def shop(files: Files) -> MemoryTree:
    """A tree of one project `shop` with one environment `dev`; paths are relative to the project's directory."""
    return tree(
        {"projects/shop/dev/environment.yaml": "", **{f"projects/shop/{path}": what for path, what in files.items()}}
    )


def config_of(files: Files, name: str = "dev") -> EnvironmentConfig:
    """The settings of an environment of `shop`."""
    found = shop(files)
    project = layout.find(found, layout.Layout()).projects[0]
    wanted = next(each for each in project.environments if each.name == name)
    return environment.environment_config(
        found, project, wanted, environment.project_config(found, project), [*TYPES, "dev"]
    )


def composed(files: Files, base: Node | None = None) -> Composed:
    """What the environment `dev` of `shop` comes to."""
    found = shop(files)
    project = layout.find(found, layout.Layout()).projects[0]
    wanted = next(each for each in project.environments if each.name == "dev")
    config = environment.environment_config(
        found, project, wanted, environment.project_config(found, project), [*TYPES, "dev"]
    )
    return compose.compose(found, project, wanted, config, base)


def document_of(files: Files, base: Node | None = None) -> Json:
    """The same as plain data."""
    return plain(composed(files, base).manifest.document)

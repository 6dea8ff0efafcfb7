"""How are the deprecated forms of Score written today? Lists of files and volumes become maps by target."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from controller.errors import MOST, Problem
from controller.manifest.phrases import shown
from controller.model.document import Node


class Upgraded(NamedTuple):
    """A Score document in today's form, a warning for each form that was not, and what could not be kept."""

    document: Node
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def upgraded(document: Node) -> Upgraded:
    containers = document.entries.get("containers")
    if containers is None or not containers.is_map:
        return Upgraded(document)
    upgrade = _Upgrade()
    changed = {name: upgrade.container(container) for name, container in containers.entries.items()}
    if not upgrade.warnings:
        return Upgraded(document)
    entries = {**document.entries, "containers": Node(changed, containers.place, containers.key)}
    whole = Node(entries, document.place, document.key)
    return Upgraded(whole, tuple(upgrade.warnings), tuple(upgrade.problems[:MOST]))


class _Upgrade:
    """What was found on the way through one document."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def container(self, container: Node) -> Node:
        entries = dict(container.entries)
        for key, upgrade in (("files", self.file), ("volumes", self.volume)):
            if key in entries and entries[key].is_list:
                entries[key] = self.by_target(entries[key], key, upgrade)
        return Node(entries, container.place, container.key) if container.is_map else container

    def by_target(self, items: Node, key: str, upgrade: Callable[[Node], Node]) -> Node:
        self.warn(items, f"`{key}` as a list is deprecated", "write a map from target to what is mounted there")
        found: dict[str, Node] = {}
        for item in items.items:
            target = item.entries.get("target")
            if not item.is_map:
                self.problems.append(Problem(item.place, f"an item of `{key}` must be a map", "give it a `target`"))
            elif target is None or not isinstance(target.value, str):
                self.problems.append(
                    Problem(item.place, f"an item of `{key}` has no `target`", "name its path as text")
                )
            elif target.value in found:
                what = f"`{shown(target.value)}` is mounted twice in `{key}`"
                self.problems.append(Problem(target.place, what, "keep one of the two"))
            else:
                rest = {name: value for name, value in item.entries.items() if name != "target"}
                found[target.value] = upgrade(Node(rest, item.place, target.place))
        return Node(found, items.place, items.key)

    def file(self, file: Node) -> Node:
        content = file.entries.get("content")
        if content is None or not content.is_list or not all(isinstance(line.value, str) for line in content.items):
            return file
        self.warn(content, "`content` as a list of lines is deprecated", "write one text after `|`")
        text = "\n".join(str(line.value) for line in content.items)
        return Node({**file.entries, "content": Node(text, content.place, content.key)}, file.place, file.key)

    def volume(self, volume: Node) -> Node:
        old = volume.entries.get("read_only")
        if old is None or not isinstance(old.value, bool) or "readOnly" in volume.entries:
            return volume
        self.warn(old, "`read_only` is deprecated", "write `readOnly`")
        rest = {name: value for name, value in volume.entries.items() if name != "read_only"}
        return Node({**rest, "readOnly": old}, volume.place, volume.key)

    def warn(self, node: Node, what: str, remedy: str) -> None:
        self.warnings.append(str(Problem(node.key or node.place, what, remedy)))

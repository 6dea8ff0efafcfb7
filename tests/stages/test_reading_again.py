"""What was read of one commit serves for the next, as far as that is the same: never further."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from controller import pipeline
from controller.model.noted import Noted
from controller.model.tree import Kind, MemoryTree, walk
from controller.pipeline import Repository
from tests.sample_factories import sample

LINKED = "platform/modules/linked.yaml"
MODULE = "id: linked\nresource_type: queue\nmodule_source: inline\nmodule_source_code: ''\n"


def files() -> dict[str, bytes | tuple[Kind, bytes]]:
    """The sample, and a module's file that lies elsewhere."""
    tree = sample()
    found: dict[str, bytes | tuple[Kind, bytes]] = {path: tree.read(path) for path, _ in walk(tree)}
    return found | {LINKED: (Kind.LINK, b"../../shared/queue.yaml"), "shared/queue.yaml": MODULE.encode()}


def shown(read: Repository) -> Mapping[str, object]:
    """Everything of a repository but the tree that it was read from."""
    return {name: getattr(read, name) for name in ("layout", "found", "catalog", "lock", "broken")}


CHANGES: Mapping[str, bytes | tuple[Kind, bytes] | None] = {
    "README.md": b"Hello",
    "lockstep.yaml": b"organization: other\n",
    "platform/.terraform.lock.hcl": b'provider "registry.terraform.io/acme/thing" {\n  version = "1.2.3"\n}\n',
    "platform/environment-types.yaml": b"- {id: development}\n- {id: production}\n",
    "platform/modules/dns/main.tf": b'output "name" { value = "x" }\n',
    "platform/modules/queue/module.yaml": None,
    "platform/resource-types/storage.yaml": b"id: [wrong\n",
    "projects/insights/live/environment.yaml": None,
    "projects/insights/live/manifets.yaml": b"{}\n",
    "projects/shop/extra/manifest.yaml": b"workloads: {}\n",
    "projects/shop/orders.score.yaml": b"apiVersion: score.dev/v1b1\n",
    "projects/shop/staging": (Kind.LINK, b"../../shared"),
    "projects/stray.yaml": b"{}\n",
    "shared/queue.yaml": b"id: linked\nresource_type: queu\nmodule_source: inline\n",
}


@pytest.mark.parametrize("path", sorted(CHANGES))
def test_a_commit_reads_the_same_whatever_was_read_before(path: str) -> None:
    before = MemoryTree.of(files())
    after = MemoryTree.of(_changed(files(), path))
    read = pipeline.read(before, pipeline.read(before))
    assert shown(read) == shown(pipeline.read(before))
    assert shown(pipeline.read(after, read)) == shown(pipeline.read(after))
    assert shown(pipeline.read(before, pipeline.read(after, read))) == shown(read)


@pytest.mark.parametrize("seed", range(3))
def test_a_history_reads_as_each_of_its_commits_alone(seed: int) -> None:
    chance = random.Random(seed)
    here, read = files(), None
    for _ in range(6):
        path = chance.choice(sorted(CHANGES))
        here = files() if chance.random() < 0.3 else _changed(here, path)
        tree = MemoryTree.of(here)
        read = pipeline.read(tree, read)
        assert shown(read) == shown(pipeline.read(tree))


def test_a_platform_that_is_the_same_is_not_read_again() -> None:
    before = pipeline.read(MemoryTree.of(files()))
    after = pipeline.read(MemoryTree.of(_changed(files(), "projects/shop/orders.score.yaml")), before)
    assert after.catalog is before.catalog


def test_projects_that_are_the_same_are_not_looked_at_again() -> None:
    tree = MemoryTree.of(files())
    before = pipeline.read(tree, pipeline.read(tree))
    after = pipeline.read(MemoryTree.of(_changed(files(), "projects/shop/extra/manifest.yaml")), before)
    insights, shop = after.found.projects
    assert (insights is before.found.projects[0], shop == before.found.projects[1]) == (True, False)


def test_what_was_asked_is_compared_and_nothing_else() -> None:
    tree = MemoryTree.of({"a/one": b"1", "a/two": b"2", "b/three": b"3"})
    noted = Noted(tree)
    noted.read("a/one")
    assert list(noted.names("b")) == ["three"]
    with pytest.raises(KeyError):
        noted.read("a/none")
    footprint = noted.footprint("a")
    same = {"a/one": b"1", "a/two": b"other", "b/three": b"other", "c": b"4"}
    assert footprint.is_same(MemoryTree.of(same))
    assert not footprint.is_same(MemoryTree.of(same | {"a/one": b"other"}))
    assert not footprint.is_same(MemoryTree.of(same | {"a/none": b"5"}))
    assert not footprint.is_same(MemoryTree.of(same | {"b/four": b"4"}))


def _changed(here: Mapping[str, bytes | tuple[Kind, bytes]], path: str) -> dict[str, bytes | tuple[Kind, bytes]]:
    kept = {name: content for name, content in here.items() if name != path and not name.startswith(f"{path}/")}
    content = CHANGES[path]
    return kept if content is None else kept | {path: content}

"""Repositories that hold a hundred thousand files or ten thousand refs: only what is needed is fetched, and read."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pygit2
import pytest

from controller import pipeline
from controller.errors import NotFoundError, RetryableError
from controller.git.mirror import Mirror
from controller.git.requests import requests
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from tests.git_factories import commit, repository
from tests.git_server import GitServer, git_server, without_proxy

MAIN = "refs/heads/main"
FILES, FOLDERS, ENVIRONMENTS = 100_000, 500, 20
PLATFORM = {
    "platform/environment-types.yaml": "- id: development\n",
    "platform/resource-types/echo.yaml": "id: echo\n",
    "platform/modules/echo/module.yaml": (
        "id: echo\nresource_type: echo\nmodule_source: .\nmodule_params: {x: {type: any}}\nrules: [{}]\n"
    ),
    "platform/modules/echo/main.tf": 'variable "x" {}\noutput "y" {\n  value = var.x\n}\n',
}
PROJECTS = {
    f"projects/shop-{n:02}/development/manifest.yaml": f"shared: {{it: {{type: echo, params: {{x: {n}}}}}}}\n"
    for n in range(ENVIRONMENTS)
}


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxy(monkeypatch)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as made:
        yield made


def fill(repo: pygit2.Repository, files: Iterable[tuple[str, str]], message: str) -> str:
    """Commit so many files that they go in as a stream."""
    stream = [b"commit refs/heads/main\ncommitter Ada <ada@acme.example> 1700000000 +0000\n", _data(message)]
    for path, content in files:
        stream += [f"M 100644 inline {path}\n".encode(), _data(content)]
    command = ("git", "-c", "safe.directory=*", "-C", repo.path, "fast-import", "--quiet", "--done")
    subprocess.run(command, input=b"".join([*stream, b"done\n"]), check=True)
    return str(repo.references[MAIN].target)


def _data(text: str) -> bytes:
    return b"data %d\n%s\n" % (len(text.encode()), text.encode())


def many() -> Iterator[tuple[str, str]]:
    """Files that are nobody's: source code, say, each with a content of its own."""
    for n in range(FILES - len(PLATFORM) - len(PROJECTS)):
        yield f"src/part-{n % FOLDERS:03}/file-{n:06}.txt", f"{n}\n"


def desired(mirror: Mirror, tip: str) -> dict[str, str]:
    """What each environment of a commit comes to: its digest."""
    read = pipeline.read(mirror.snapshot(tip).tree)
    found = {}
    for slug in pipeline.environments(read):
        project, environment = slug.split("/")
        resolved = pipeline.resolve(read, project, environment, pins=Pins(), engine=EngineKind.OPENTOFU)
        found[slug] = resolved.desired.digest
    return found


def objects(mirror: Mirror) -> int:
    return len(set(mirror._objects.repository().odb))


def test_a_hundred_thousand_files_of_which_few_are_ours(server: GitServer, tmp_path: Path) -> None:
    shop = repository(server.root / "shop.git")
    tip = fill(shop, [*PLATFORM.items(), *PROJECTS.items(), *many()], "Everything at once")
    mirror = Mirror(tmp_path / "mirror", server.url("shop.git"))
    assert mirror.fetch() == {MAIN: tip}
    before = desired(mirror, tip)
    assert len(before) == ENVIRONMENTS
    assert len(set(before.values())) == ENVIRONMENTS

    # A push of one file brings that file and the folders around it, and changes what that file is part of.
    had = objects(mirror)
    path = "projects/shop-07/development/manifest.yaml"
    new = commit(shop, {path: "shared: {it: {type: echo, params: {x: another}}}\n"})
    assert mirror.fetch() == {MAIN: new}
    assert objects(mirror) - had == 1 + 1 + path.count("/") + 1  # the commit, the file, its folders and the root
    after = desired(mirror, new)
    assert [slug for slug in after if after[slug] != before[slug]] == ["shop-07/development"]


def test_nothing_is_read_that_no_environment_needs(tmp_path: Path) -> None:
    """Of all else there are only the names: to look into it would fail."""
    shop = repository(tmp_path / "shop.git")
    commit(shop, {**PLATFORM, **PROJECTS})
    tree = shop[str(shop.references[MAIN].target)].tree
    lines = [f"{entry.filemode:06o} tree {entry.id}\t{entry.name}\n" for entry in tree]
    for n in range(1, 1001):
        lines += [f"040000 tree {n:040x}\tsrc-{n}\n", f"100644 blob {n:039x}f\tfile-{n}\n"]
    command = ("git", "-c", "safe.directory=*", "-C", shop.path, "mktree", "--missing")
    made = subprocess.run(command, input="".join(lines).encode(), capture_output=True, check=True).stdout.decode()
    by = pygit2.Signature("Ada", "ada@acme.example", 1_700_000_000, 0)
    tip = str(shop.create_commit(MAIN, by, by, "Add what is nowhere", made.strip(), [shop.references[MAIN].target]))
    mirror = Mirror(tmp_path / "shop.git", shop.path)
    assert len(desired(mirror, tip)) == ENVIRONMENTS
    tree = mirror.snapshot(tip).tree
    assert len(tree.names("")) == 2002
    with pytest.raises(RetryableError, match="is missing"):
        tree.names("src-1")
    with pytest.raises(RetryableError, match="is missing"):
        tree.read("file-1")


def test_of_ten_thousand_refs_only_the_tracked_one_is_fetched(server: GitServer, tmp_path: Path) -> None:
    shop = repository(server.root / "shop.git")
    tip = commit(shop, {**PLATFORM, **PROJECTS})
    others = [commit(shop, {f"other-{n}": str(n)}, branch=f"topic/{n}", parents=[tip]) for n in range(20)]
    names = [f"refs/heads/branch-{n:04}" for n in range(4000)]
    names += [f"refs/tags/v{n}" for n in range(3000)]
    names += [f"refs/pull/{n}/head" for n in range(1, 3001)]
    pointed = {name: others[n % len(others)] for n, name in enumerate(names)}
    # As `git pack-refs` leaves them.
    lines = (f"{target} {name}\n" for name, target in sorted(pointed.items()))
    (Path(shop.path) / "packed-refs").write_text("".join(["# pack-refs with: sorted\n", *lines]))

    mirror = Mirror(tmp_path / "mirror", server.url("shop.git"))
    heads = mirror.heads()
    assert len(heads) == len(names) + len(others) + 2  # HEAD and main
    assert {name: heads[name] for name in names} == pointed
    assert [request.number for request in requests(heads)] == list(range(1, 3001))
    assert mirror.fetch() == {MAIN: tip}
    assert list(mirror._objects.repository().references) == [MAIN]
    for other in others:
        with pytest.raises(NotFoundError):
            mirror.snapshot(other)
    assert mirror.fetch(["refs/pull/1/head"]) == {"refs/pull/1/head": pointed["refs/pull/1/head"]}
    assert sorted(mirror._objects.repository().references) == [MAIN, "refs/pull/1/head"]
    assert len(desired(mirror, tip)) == ENVIRONMENTS

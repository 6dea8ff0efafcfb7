"""The files of a commit, and of a merge that nobody made, read from the object database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest

from controller.errors import NotFoundError, RetryableError
from controller.git.mirror import Mirror
from controller.model.tree import Commit, Kind, MemoryTree, Tree, walk
from tests.git_factories import Executable, Submodule, Symlink, commit, repository, tag

FILES = {
    "lockstep.yaml": b"",
    "platform/modules/a.yaml": b"id: a\n",
    "platform/modules/a/main.tf": b"# a\n",
    "platform/modules-old": b"sorts between the folder and what is in it",
    "projects/ümläut/x": b"\xff\0binary",
}


@pytest.fixture
def remote(tmp_path: Path) -> pygit2.Repository:
    return repository(tmp_path / "shop.git")


@pytest.fixture
def mirror(remote: pygit2.Repository, tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror", remote.path)


def test_a_snapshot_has_the_files_of_its_commit(remote: pygit2.Repository, mirror: Mirror) -> None:
    tree = _tree(mirror, commit(remote, FILES))
    expected = MemoryTree.of(FILES)
    assert list(walk(tree)) == list(walk(expected))
    assert {path: tree.read(path) for path, _ in walk(tree)} == FILES
    folders = ["", "platform", "platform/modules", "projects/ümläut"]
    assert [tree.identity(path) for path in (*folders, *FILES)] == [expected.identity(p) for p in (*folders, *FILES)]
    assert list(tree.names("platform")) == ["modules", "modules-old"]


def test_what_is_no_plain_file_is_told_apart(remote: pygit2.Repository, mirror: Mirror) -> None:
    inner = "1" * 40
    files = {"run": Executable("#!/bin/sh\n"), "link": Symlink("../outside"), "vendored": Submodule(inner), "a/b": "b"}
    tree = _tree(mirror, commit(remote, files))
    assert tree.names("") == {
        "a": Kind.FOLDER,
        "link": Kind.LINK,
        "run": Kind.EXECUTABLE,
        "vendored": Kind.SUBMODULE,
    }
    assert (tree.read("link"), tree.read("run")) == (b"../outside", b"#!/bin/sh\n")
    assert tree.identity("vendored") == inner
    assert tree.names("vendored") == tree.names("link") == tree.names("run") == {}


@pytest.mark.parametrize("path", ["nope", "a", "a/nope", "a/b/c", "vendored", "vendored/x", "link/x", "/a/b", "a/", ""])
def test_what_is_no_file_cannot_be_read(remote: pygit2.Repository, mirror: Mirror, path: str) -> None:
    tree = _tree(mirror, commit(remote, {"a/b": "b", "vendored": Submodule("1" * 40), "link": Symlink("a")}))
    with pytest.raises(KeyError):
        tree.read(path)


def test_what_is_not_there_has_no_identity(remote: pygit2.Repository, mirror: Mirror) -> None:
    tree = _tree(mirror, commit(remote, {"a/b": "b"}))
    with pytest.raises(KeyError):
        tree.identity("a/c")
    assert tree.names("a/c") == tree.names("nope") == {}


def test_an_empty_commit_has_an_empty_tree(remote: pygit2.Repository, mirror: Mirror) -> None:
    assert _tree(mirror, commit(remote)).names("") == {}


def test_a_name_that_is_not_utf_8_is_shown_with_backslashes(remote: pygit2.Repository, mirror: Mirror) -> None:
    blob = remote.create_blob(b"content")
    raw = b"100644 caf\xe9.yaml\0" + bytes.fromhex(str(blob))
    root = remote.odb.write(pygit2.enums.ObjectType.TREE, raw)
    signature = pygit2.Signature("Ada", "ada@acme.example")
    made = remote.create_commit("refs/heads/main", signature, signature, "Add a file", root, [])
    tree = _tree(mirror, str(made))
    assert tree.names("") == {"caf\\xe9.yaml": Kind.FILE}
    assert tree.read("caf\\xe9.yaml") == b"content"


def test_a_commit_is_read_with_its_author_and_parents(remote: pygit2.Repository, mirror: Mirror) -> None:
    first = commit(remote, {"a": "1"})
    side = commit(remote, {"b": "1"}, branch="side")
    second = commit(
        remote,
        {"a": "2"},
        message="Größer\n\nbecause\n",
        author=("Zoë", "zoe@acme.example"),
        committer=("Bea", "bea@acme.example"),
        parents=[first, side],
        at=1_700_000_000,
    )
    mirror.fetch()
    found = mirror.commit(second)
    when = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    message = "Größer\n\nbecause\n"
    assert found == Commit(second, (first, side), "Zoë", "zoe@acme.example", "bea@acme.example", when, message)
    assert found.subject == "Größer"


def test_a_message_in_another_encoding_is_read_as_far_as_it_goes(remote: pygit2.Repository, mirror: Mirror) -> None:
    tree = commit(remote, {"a": "1"})
    raw = b"tree %s\nauthor Jos\xe9 <jose@acme.example> 99999999999999 +0000\n" % str(remote[tree].tree.id).encode()
    raw += b"committer Jos\xe9 <jose@acme.example> 99999999999999 +0000\n\ncaf\xe9\n"
    made = str(remote.odb.write(pygit2.enums.ObjectType.COMMIT, raw))
    remote.references.create("refs/heads/main", made, force=True)
    mirror.fetch()
    assert mirror.commit(made) == Commit(
        made, (), "Jos�", "jose@acme.example", "jose@acme.example", datetime(1970, 1, 1, tzinfo=UTC), "caf�\n"
    )


@pytest.mark.parametrize(
    ("named", "author", "message"),
    [
        pytest.param(b"ISO-8859-1", "José", "café\n", id="latin-1"),
        pytest.param(b"windows-1251", "Josй", "cafй\n", id="windows"),
        pytest.param(b"zip", "Jos\ufffd", "caf\ufffd\n", id="no-letters"),
        pytest.param(b"unicode_escape", "Jos\ufffd", "caf\ufffd\n", id="of-python-alone"),
        pytest.param(b"x-klingon", "Jos\ufffd", "caf\ufffd\n", id="unknown"),
        pytest.param(b"\xff/../x", "Jos\ufffd", "caf\ufffd\n", id="no-name"),
    ],
)
def test_a_commit_is_read_in_the_encoding_that_it_names(
    remote: pygit2.Repository, mirror: Mirror, named: bytes, author: str, message: str
) -> None:
    tree = commit(remote, {"a": "1"})
    raw = b"tree %s\nauthor Jos\xe9 <jose@acme.example> 1700000000 +0000\n" % str(remote[tree].tree.id).encode()
    raw += b"committer Jos\xe9 <jose@acme.example> 1700000000 +0000\nencoding %s\n\ncaf\xe9\n" % named
    made = str(remote.odb.write(pygit2.enums.ObjectType.COMMIT, raw))
    remote.references.create("refs/heads/main", made, force=True)
    mirror.fetch()
    found = mirror.commit(made)
    assert (found.author_name, found.message) == (author, message)


def test_a_tag_leads_to_its_commit(remote: pygit2.Repository, mirror: Mirror) -> None:
    tip = commit(remote, {"a": "1"})
    marked = tag(remote, "v1", tip)
    assert mirror.fetch(["refs/tags/v1"]) == {"refs/tags/v1": tip}
    snapshot = mirror.snapshot(marked)
    assert (snapshot.commit.id, snapshot.tree.read("a")) == (tip, b"1")


@pytest.mark.parametrize("name", ["1" * 40, "main", "", "z" * 40])
def test_an_unknown_commit_is_said_to_be_unknown(mirror: Mirror, name: str) -> None:
    with pytest.raises(NotFoundError) as e:
        mirror.snapshot(name)
    assert str(e.value) == f"commit {name} is not in the mirror; fetch a ref that contains it"


def test_a_damaged_mirror_is_no_missing_file(remote: pygit2.Repository, mirror: Mirror, tmp_path: Path) -> None:
    """An object that has vanished must not read as a file that was deleted in Git."""
    tree = _tree(mirror, commit(remote, {"a/b": "b"}))
    folder = tree.identity("a")
    for pack in (tmp_path / "mirror" / "objects").rglob("*"):
        if pack.is_file():
            pack.unlink()
    with pytest.raises(RetryableError) as e:
        Mirror(tmp_path / "mirror", remote.path)._objects.listing(folder)
    assert str(e.value) == (
        f"{tmp_path}/mirror: object {folder} is missing; remove this folder, and it is fetched anew at the next poll"
    )


def test_a_tree_may_be_read_by_other_threads(remote: pygit2.Repository, mirror: Mirror) -> None:
    tree = _tree(mirror, commit(remote, FILES))
    read: list[dict[str, bytes]] = []
    threads = [
        threading.Thread(target=lambda: read.append({path: tree.read(path) for path, _ in walk(tree)}))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [FILES] * 8


class TestMerge:
    def test_both_sides_are_in_the_tree(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        base, head = _fork(remote, {"a": "1\n", "x/y": "y"}, {"a": "2\n"}, {"x/z": "z", "new/deep/file": "n"})
        mirror.fetch(["refs/heads/main", "refs/heads/feature"])
        before = sorted(str(oid) for oid in mirror._objects.repository().odb)
        merge = mirror.merge_tree(base, head)
        assert merge.tree is not None
        expected = {"a": b"2\n", "x/y": b"y", "x/z": b"z", "new/deep/file": b"n"}
        assert {path: merge.tree.read(path) for path, _ in walk(merge.tree)} == expected
        assert merge.tree.identity("") == MemoryTree.of(expected).identity("")
        assert merge.conflicts == ()
        assert sorted(str(oid) for oid in mirror._objects.repository().odb) == before

    def test_changes_in_one_file_are_joined(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        lines = "".join(f"{n}\n" for n in range(9))
        base, head = _fork(remote, {"a": lines}, {"a": lines.replace("0", "zero")}, {"a": lines.replace("8", "eight")})
        mirror.fetch(["refs/heads/main", "refs/heads/feature"])
        merge = mirror.merge_tree(base, head)
        assert merge.tree is not None
        assert merge.tree.read("a").decode() == lines.replace("0", "zero").replace("8", "eight")

    def test_a_conflict_names_its_paths(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        base, head = _fork(
            remote, {"a": "1", "b/c": "1", "d": "1"}, {"a": "2", "b/c": None, "d": "2"}, {"a": "3", "b/c": "3"}
        )
        mirror.fetch(["refs/heads/main", "refs/heads/feature"])
        merge = mirror.merge_tree(base, head)
        assert (merge.tree, merge.conflicts) == (None, ("a", "b/c"))

    def test_what_is_merged_already_changes_nothing(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        first = commit(remote, {"a": "1"})
        second = commit(remote, {"a": "2"})
        mirror.fetch()
        for base, head in ((first, second), (second, first), (second, second)):
            merge = mirror.merge_tree(base, head)
            assert merge.tree is not None
            assert merge.tree.identity("") == mirror.snapshot(second).tree.identity("")

    def test_an_unknown_head_is_said_to_be_unknown(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        tip = commit(remote, {"a": "1"})
        mirror.fetch()
        with pytest.raises(NotFoundError):
            mirror.merge_tree(tip, "1" * 40)

    def test_a_merged_tree_outlives_the_merge_in_other_threads(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        base, head = _fork(remote, {"a": "1\n"}, {"b": "2\n"}, {"c": "3\n"})
        mirror.fetch(["refs/heads/main", "refs/heads/feature"])
        tree = mirror.merge_tree(base, head).tree
        assert tree is not None
        read: list[bytes] = []
        thread = threading.Thread(target=lambda: read.extend(tree.read(path) for path, _ in walk(tree)))
        thread.start()
        thread.join()
        assert read == [b"1\n", b"2\n", b"3\n"]


def _tree(mirror: Mirror, commit_id: str) -> Tree:
    mirror.fetch()
    return mirror.snapshot(commit_id).tree


def _fork(remote: pygit2.Repository, first: dict, base: dict, head: dict) -> tuple[str, str]:  # type: ignore[type-arg]
    start = commit(remote, first)
    return commit(remote, base), commit(remote, head, branch="feature", parents=[start])

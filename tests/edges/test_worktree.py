"""What an offline command reads of a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pygit2
import pytest

from controller.errors import NotFoundError
from controller.git.worktree import read_ref, read_worktree, snapshot_of_path
from controller.model.tree import Kind, Tree, walk


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A work tree with one commit: `a`, `sub/b`, `run`, `link`, and a .gitignore."""
    path = tmp_path / "checkout"
    _git(tmp_path, "init", "--quiet", "--initial-branch=main", str(path))
    _write(path, {"a": "a", "sub/b": "b", "run": "#!/bin/sh\n", ".gitignore": "*.log\n/out/\n"})
    (path / "run").chmod(0o755)
    (path / "link").symlink_to("sub/b")
    _git(path, "add", ".")
    _git(path, "commit", "--quiet", "--message=First")
    return path


def test_tracked_and_new_files_are_read_and_ignored_ones_are_not(checkout: Path) -> None:
    _write(checkout, {"a": "changed", "new/file": "n", "x.log": "ignored", "out/deep/y": "ignored"})
    (checkout / "sub" / "b").unlink()
    assert _read(read_worktree(checkout)) == {
        ".gitignore": (Kind.FILE, b"*.log\n/out/\n"),
        "a": (Kind.FILE, b"changed"),
        "link": (Kind.LINK, b"sub/b"),
        "new/file": (Kind.FILE, b"n"),
        "run": (Kind.EXECUTABLE, b"#!/bin/sh\n"),
    }


def test_identities_are_those_that_git_would_give(checkout: Path) -> None:
    head = pygit2.Repository(str(checkout)).head.peel(pygit2.Commit)
    tree = read_worktree(checkout)
    assert tree.identity("") == str(head.tree_id)
    assert [tree.identity(path) for path in ("sub", "sub/b", "link")] == [
        str(head.tree[path].id) for path in ("sub", "sub/b", "link")
    ]


def test_a_folder_of_a_repository_is_a_root_of_its_own(checkout: Path) -> None:
    _write(checkout, {"sub/new": "n", "sub/x.log": "ignored"})
    assert _read(read_worktree(checkout / "sub")) == {"b": (Kind.FILE, b"b"), "new": (Kind.FILE, b"n")}
    assert read_ref(checkout / "sub", "main").tree.names("") == {"b": Kind.FILE}


def test_an_ignored_folder_is_read_with_everything_in_it(checkout: Path) -> None:
    _write(checkout, {"out/a": "1", "out/x.log": "2"})
    assert _read(read_worktree(checkout / "out")) == {"a": (Kind.FILE, b"1"), "x.log": (Kind.FILE, b"2")}


def test_a_plain_folder_is_read_with_everything_in_it(tmp_path: Path) -> None:
    _write(tmp_path / "plain", {"a": "1", "b/c.log": "2"})
    (tmp_path / "plain" / "b" / "up").symlink_to("..")
    tree = read_worktree(tmp_path / "plain")
    assert _read(tree) == {"a": (Kind.FILE, b"1"), "b/c.log": (Kind.FILE, b"2"), "b/up": (Kind.LINK, b"..")}
    assert tree.names("b/up") == {}
    assert list(tree.names("")) == ["a", "b"]


def test_a_plain_folder_has_the_identity_of_the_same_files_in_git(checkout: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    subprocess.run(("cp", "-a", str(checkout), str(plain)), check=True)
    subprocess.run(("rm", "-rf", str(plain / ".git")), check=True)
    assert read_worktree(plain).identity("") == read_worktree(checkout).identity("")


def test_a_submodule_is_told_apart(checkout: Path, tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet", "inner")
    _git(tmp_path / "inner", "commit", "--quiet", "--allow-empty", "--message=Inner")
    _git(
        checkout, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "inner"), "vendored"
    )
    tree = read_worktree(checkout)
    inner = pygit2.Repository(str(tmp_path / "inner")).head.target
    assert tree.names("")["vendored"] is Kind.SUBMODULE
    assert tree.identity("vendored") == str(inner)
    with pytest.raises(KeyError):
        tree.read("vendored")


def test_a_ref_is_read_as_it_was_committed(checkout: Path) -> None:
    _write(checkout, {"a": "changed"})
    snapshot = read_ref(checkout, "main")
    assert (snapshot.commit.subject, snapshot.tree.read("a")) == ("First", b"a")
    assert [read_ref(checkout, ref).commit.id for ref in ("HEAD", snapshot.commit.id[:8])] == [snapshot.commit.id] * 2


def test_without_a_ref_the_files_belong_to_no_commit(checkout: Path) -> None:
    _write(checkout, {"a": "changed"})
    commit, tree = snapshot_of_path(checkout, None)
    assert (commit, tree.read("a")) == (None, b"changed")
    commit, tree = snapshot_of_path(checkout, "main")
    assert commit is not None
    assert (commit.subject, tree.read("a")) == ("First", b"a")


def test_a_bare_repository_is_read_by_ref_alone(checkout: Path, tmp_path: Path) -> None:
    _git(tmp_path, "clone", "--quiet", "--bare", str(checkout), "bare.git")
    assert read_ref(tmp_path / "bare.git", "main").tree.read("a") == b"a"
    with pytest.raises(NotFoundError) as e:
        read_worktree(tmp_path / "bare.git")
    assert str(e.value) == (
        f"{tmp_path}/bare.git: a bare repository has no files lying about; say which commit is meant with --ref"
    )


def test_a_second_work_tree_is_read_like_the_first(checkout: Path, tmp_path: Path) -> None:
    _git(checkout, "worktree", "add", "--quiet", str(tmp_path / "second"), "HEAD")
    _write(tmp_path / "second", {"only": "here"})
    assert read_worktree(tmp_path / "second").read("only") == b"here"
    assert read_ref(tmp_path / "second", "main").tree.read("a") == b"a"


def test_a_ref_that_is_nowhere_is_answered_with_a_near_name(checkout: Path) -> None:
    with pytest.raises(NotFoundError) as e:
        read_ref(checkout, "mian")
    assert str(e.value) == f"{checkout}: the repository has no commit named `mian`; did you mean `main`?"
    with pytest.raises(NotFoundError) as e:
        read_ref(checkout, "0123456789")
    assert str(e.value) == (
        f"{checkout}: the repository has no commit named `0123456789`; "
        "`git branch --all` lists what there is, `git fetch` brings what is new"
    )


def test_a_folder_that_the_commit_does_not_have_is_named(checkout: Path) -> None:
    _write(checkout, {"later/file": "x"})
    with pytest.raises(NotFoundError) as e:
        read_ref(checkout / "later", "main")
    assert str(e.value) == f"{checkout}/later: commit `main` has no folder `later`; choose another with --repo"


def test_a_folder_without_a_repository_has_no_refs(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as e:
        read_ref(tmp_path, "main")
    assert str(e.value) == f"{tmp_path}: this is no Git repository, so it has no `main`; leave --ref out"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as e:
        read_worktree(tmp_path / "nope")
    assert str(e.value) == (
        f"{tmp_path}/nope: there is no such folder; give the root of a repository's files with --repo"
    )


def _read(tree: Tree) -> dict[str, tuple[Kind, bytes]]:
    return {path: (kind, tree.read(path)) for path, kind in walk(tree)}


def _write(folder: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@acme.example")
    subprocess.run(("git", *who, *arguments), cwd=folder, check=True)

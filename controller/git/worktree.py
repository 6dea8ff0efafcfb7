"""What would be read of a folder on this machine: as it lies there, or at one of its refs?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, FileStatus

from controller.errors import NotAllowedError, NotFoundError, suggest
from controller.git.objects import Objects, ObjectTree
from controller.model.tree import Commit, Kind, Snapshot, Tree, object_id, tree_id


def snapshot_of_path(path: Path, ref: str | None) -> tuple[Commit | None, Tree]:
    """The files below `path` at a ref, with that commit; without a ref as they lie there, of no commit."""
    if ref is None:
        return None, read_worktree(path)
    snapshot = read_ref(path, ref)
    return snapshot.commit, snapshot.tree


def read_worktree(path: Path) -> Tree:
    """The files below `path` that Git would commit: tracked ones and new ones, but no ignored ones.

    A folder that Git does not know, or ignores as a whole, is read with everything in it.
    """
    if not path.is_dir():
        raise NotFoundError(f"{path}: there is no such folder; give the root of a repository's files with --repo")
    repository = _repository(path)
    if repository is not None and repository.is_bare:
        raise NotFoundError(f"{path}: a bare repository has no files lying about; say which commit is meant with --ref")
    prefix = _prefix(repository, path) if repository is not None else None
    if repository is None or prefix is None:
        return DiskTree({_name(below): _entry(found) for below, found in _everything(path)})
    return DiskTree(dict(_committable(repository, prefix)))


def read_ref(path: Path, ref: str) -> Snapshot:
    """The files of the folder `path` in the commit that `ref` names, in the repository that the folder is part of."""
    repository = _repository(path)
    if repository is None:
        raise NotFoundError(f"{path}: this is no Git repository, so it has no `{ref}`; leave --ref out")
    try:
        commit = repository.revparse_single(ref).peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError) as e:
        known = [name.removeprefix("refs/heads/").removeprefix("refs/remotes/") for name in repository.references]
        remedy = suggest(ref, known, "`git branch --all` lists what there is, `git fetch` brings what is new")
        raise NotFoundError(f"{path}: the repository has no commit named `{ref}`; {remedy}") from e
    objects = Objects(Path(repository.path))
    whole = ObjectTree(objects, str(commit.tree_id))
    prefix = "" if repository.is_bare else (_prefix(repository, path) or "")
    try:
        return Snapshot(objects.commit(str(commit.id)), ObjectTree(objects, whole.identity(prefix)))
    except KeyError as e:
        raise NotFoundError(f"{path}: commit `{ref}` has no folder `{prefix}`; choose another with --repo") from e


@dataclass(frozen=True, slots=True)
class File:
    """A file on disk, or the commit that a submodule stands at."""

    kind: Kind
    location: Path
    commit: str = ""

    def read(self) -> bytes:
        if self.kind is Kind.LINK:
            return os.fsencode(self.location.readlink())
        return self.location.read_bytes()


class DiskTree:
    """Files on disk as a tree: listed at once, read when asked for; identities are those that Git would give."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files
        self._folders = _folders(files)
        self._identities: dict[str, str] = {}

    def names(self, folder: str) -> Mapping[str, Kind]:
        return self._folders.get(folder, {})

    def read(self, path: str) -> bytes:
        file = self._files[path]
        if file.kind is Kind.SUBMODULE:
            raise KeyError(path)
        return file.read()

    def identity(self, path: str) -> str:
        if path not in self._identities:
            self._identities[path] = self._identity(path)
        return self._identities[path]

    def _identity(self, path: str) -> str:
        if path in self._folders:
            below = [f"{path}/{name}" if path else name for name in self._folders[path]]
            return tree_id(path, self._folders[path], {child: self.identity(child) for child in below})
        file = self._files[path]
        return file.commit or object_id(b"blob", file.read())


class FolderTree:
    """A folder on disk as it is, looked into only where somebody asks; whether Git would commit it does not matter."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self, folder: str) -> Mapping[str, Kind]:
        location = self._root / folder
        if location.resolve() != location or not location.is_dir():
            return {}  # nothing is behind a link: whoever follows links does so in the tree
        found = ((_name(entry.name), _kind(Path(entry.path))) for entry in os.scandir(location))
        return dict(sorted((name, kind) for name, kind in found if kind is not None))

    def read(self, path: str) -> bytes:
        kind = self.names(path.rpartition("/")[0]).get(path.rpartition("/")[2])
        if kind in (None, Kind.FOLDER):
            raise KeyError(path)
        return File(kind, self._root / path).read()

    def identity(self, path: str) -> str:
        return object_id(b"blob", self.read(path))


def _kind(location: Path) -> Kind | None:
    """None for what no commit could hold, such as a socket."""
    if location.is_symlink() or location.is_file():
        return _entry(location).kind
    return Kind.FOLDER if location.is_dir() else None


def _repository(path: Path) -> pygit2.Repository | None:
    # Looks in the folders above too. `discover_repository` would do the same, but each time that it finds nothing it
    # drops a reference to None which it does not hold, and after some thousand times Python ends (pygit2 1.21).
    try:
        return pygit2.Repository(str(path))
    except pygit2.GitError as e:
        if "not found" in str(e):
            return None
        if "not owned" in str(e):
            raise NotAllowedError(
                f"{path}: the repository belongs to another user; "
                f"allow it with `git config --global --add safe.directory {path.absolute()}`"
            ) from e
        raise NotFoundError(f"{path}: the repository cannot be read ({e}); check it with `git status`") from e


def _prefix(repository: pygit2.Repository, path: Path) -> str | None:
    """Where the folder is in the repository's work tree; None where it is ignored, or outside."""
    if repository.workdir is None:
        return None
    prefix = os.path.relpath(path.resolve(), Path(repository.workdir).resolve())
    if prefix == ".":
        return ""
    if prefix.startswith("..") or repository.path_is_ignored(f"{prefix}/"):
        return None
    return Path(prefix).as_posix()


def _committable(repository: pygit2.Repository, prefix: str) -> Iterator[tuple[str, File]]:
    root = Path(repository.workdir or "")
    start = f"{prefix}/" if prefix else ""
    tracked = {entry.path: entry for entry in repository.index}
    new = [name for name, status in repository.status().items() if status & FileStatus.WT_NEW and name[-1] != "/"]
    for name in sorted({*tracked, *new}):
        if not name.startswith(start):
            continue
        if name in tracked and tracked[name].mode == FileMode.COMMIT:
            yield name[len(start) :], File(Kind.SUBMODULE, root / name, str(tracked[name].id))
        elif (root / name).is_symlink() or (root / name).is_file():
            yield name[len(start) :], _entry(root / name)


def _everything(path: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if name != ".git"]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*files, *links):
            found = Path(folder, name)
            if found.is_symlink() or found.is_file():
                yield found.relative_to(path).as_posix(), found


def _entry(location: Path) -> File:
    mode = location.lstat().st_mode
    if stat.S_ISLNK(mode):
        return File(Kind.LINK, location)
    return File(Kind.EXECUTABLE if mode & stat.S_IXUSR else Kind.FILE, location)


def _name(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _folders(files: Mapping[str, File]) -> dict[str, dict[str, Kind]]:
    folders: dict[str, dict[str, Kind]] = {"": {}}
    for path, file in files.items():
        child, kind = path, file.kind
        while True:
            folder, _, name = child.rpartition("/")
            is_known = folder in folders
            folders.setdefault(folder, {})[name] = kind
            if is_known:
                break
            child, kind = folder, Kind.FOLDER
    return {folder: dict(sorted(names.items())) for folder, names in folders.items()}

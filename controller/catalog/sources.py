"""What does a `module_source` mean? Reads its forms; what lies in a folder of the repository is read beside."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from controller.model.catalog import ModuleSource, SourceKind

_FORMS = (
    "write `.` or `./FOLDER` for a folder beside this file, `inline`, `git::https://…`, `git::ssh://…`, "
    "`NAMESPACE/NAME/PROVIDER@VERSION` or an absolute path on the runner"
)
_MISREAD = re.compile(r"[$%]\{|\\")
_GIT = re.compile(
    r"git::(?P<transport>https|ssh)://(?:(?P<user>[^/@]*)@)?(?P<host>[A-Za-z0-9.-]+(?::[0-9]+)?)/(?P<path>[^?#]+)"
    r"(?:\?(?P<query>[^#]*))?"
)
# What `git` could take for an option, or a transport for the end of the address, is no name.
_REF = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./+@-]*[A-Za-z0-9_+-])?")
_DEPTH = re.compile(r"[1-9][0-9]{0,5}")
_PATH = re.compile(r"[A-Za-z0-9_.~+@:%/-]+")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(
    rf"(?P<address>(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?/)?{_LABEL}/{_LABEL}/[a-z0-9]+(?://[^@?]+)?)"
    r"(?:@(?P<version>.*))?"
)
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORTHAND = re.compile(r"(?P<host>github\.com|bitbucket\.org)/(?P<path>[^/?]+/[^?]+)(?:\?(?P<query>.*))?")
_SCP = re.compile(r"(?:git::)?(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a source is not taken, and what to write."""

    what: str
    remedy: str


def read(text: str) -> ModuleSource | Refusal:
    """The source that `text` names, of all forms but `inline` and those of this repository."""
    if any(character.isspace() for character in text):
        return Refusal(f"module source `{text}` has blanks in it", "leave them out")
    if refusal := misread(text):
        return refusal
    if text.startswith("git::") and (git := _GIT.fullmatch(text)):
        return _git(text, git)
    if refusal := _foreign(text):
        return refusal
    if text.startswith("/"):
        return _path(text)
    if registry := _REGISTRY.fullmatch(text):
        return _registry(text, registry)
    return Refusal(f"module source `{text}` has no form that is known", _FORMS)


def misread(text: str) -> Refusal | None:
    """A source or folder that an engine would take for another: there is no way to write it that all of them read."""
    if found := _MISREAD.search(text):
        what = f"module source `{text}` has `{found[0]}` in it, which not every engine reads as text"
        return Refusal(what, "rename it")
    return None


def inline(code: str) -> ModuleSource:
    return ModuleSource(SourceKind.INLINE, "inline", hashlib.sha256(code.encode()).hexdigest(), code=code)


def is_folder(text: str) -> bool:
    """Whether a source names a folder of this repository, well or badly."""
    return text in (".", "..") or text.startswith(("./", "../"))


def _foreign(text: str) -> Refusal | None:
    """Forms that the engine knows and we do not take."""
    what = f"module source `{text}` is not taken"
    if shorthand := _SHORTHAND.fullmatch(text):
        repository, _, folder = shorthand["path"].partition("//")
        repository = repository if repository.endswith(".git") else f"{repository}.git"
        whole = f"{shorthand['host']}/{repository}{'//' + folder if folder else ''}"
        return Refusal(what, f"write `git::https://{whole}?{shorthand['query'] or 'ref=TAG'}`")
    if scp := _SCP.fullmatch(text):
        return Refusal(what, f"write `git::ssh://{scp['user']}@{scp['host']}/{scp['path']}`")
    if text.startswith("git::"):
        return Refusal(
            what, "of Git's transports only `git::https://HOST/PATH` and `git::ssh://USER@HOST/PATH` are taken"
        )
    if "::" in text or "://" in text:
        return Refusal(what, _FORMS)
    return None


def _git(text: str, git: re.Match[str]) -> ModuleSource | Refusal:
    if ":" in (git["user"] or "") or (git["user"] and git["transport"] == "https"):
        return Refusal("the module source has credentials in it", "remove and revoke them; the runner brings its own")
    repository, _, folder = git["path"].partition("//")
    if repository.startswith("/") or not repository or not _PATH.fullmatch(git["path"]):
        return Refusal(f"module source `{text}` names no repository", "write `git::https://HOST/PATH//FOLDER?ref=TAG`")
    if refusal := _leads_out(text, repository, folder):
        return refusal
    pairs = [_pair(pair) for pair in (git["query"] or "").split("&") if pair]
    query = dict(pairs)
    return _query_refusal(text, pairs) or ModuleSource(
        SourceKind.GIT, text, text, query["ref"] if _COMMIT.fullmatch(query.get("ref", "")) else None
    )


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def _query_refusal(text: str, pairs: Sequence[tuple[str, str]]) -> Refusal | None:
    seen = set()
    for key, value in pairs:
        if key not in ("ref", "depth"):
            return Refusal(f"module source `{text}` has `{key}` in its query", "only `ref` and `depth` are taken")
        if key in seen:
            return Refusal(f"module source `{text}` has `{key}` twice", "keep one of them")
        if key == "ref" and not value:
            return Refusal(f"module source `{text}` has an empty `ref`", "name a tag, a branch or a commit")
        if key == "ref" and (".." in value or not _REF.fullmatch(value)):
            return Refusal(f"`{value}` in module source `{text}` is no `ref`", "name a tag, a branch or a commit")
        if key == "depth" and not _DEPTH.fullmatch(value):
            return Refusal(f"`{value}` in module source `{text}` is no `depth`", "write a number, like `depth=1`")
        seen.add(key)
    return None


def _leads_out(text: str, *paths: str) -> Refusal | None:
    """A path, or a folder after `//`, that goes up."""
    if any(".." in path.split("/") for path in paths):
        return Refusal(f"module source `{text}` has `..` in it", "name the folder from the top, after `//`")
    return None


def _path(text: str) -> ModuleSource | Refusal:
    plain = "/" + posixpath.normpath(text).lstrip("/")
    if plain == "/":
        return Refusal(f"module source `{text}` names no folder", "write the path of the module's folder on the runner")
    if plain != text.rstrip("/"):
        return Refusal(f"module source `{text}` is not a plain path", f"write `{plain}`")
    return ModuleSource(SourceKind.PATH, text, text)


def _registry(text: str, registry: re.Match[str]) -> ModuleSource | Refusal:
    version = registry["version"]
    if version is None:
        return Refusal(
            f"module source `{text}` leaves its version open, so two deployments of one commit could differ",
            f"write `{text}@1.2.3` with the version that you mean",
        )
    if not _VERSION.fullmatch(version):
        return Refusal(f"`{version}` in module source `{text}` is not an exact version", "write one like `@1.2.3`")
    address = registry["address"]
    if refusal := _leads_out(text, address):
        return refusal
    return ModuleSource(SourceKind.REGISTRY, address, f"{address}@{version}", version)

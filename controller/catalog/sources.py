"""What does a `module_source` mean? Reads its forms; what lies in a folder of the repository is read beside."""

from __future__ import annotations

import hashlib
import posixpath
import re
from dataclasses import dataclass

from controller.model.catalog import ModuleSource, SourceKind

_FORMS = (
    "write `.` or `./FOLDER` for a folder beside this file, `inline`, `git::https://…`, `git::ssh://…`, "
    "`NAMESPACE/NAME/PROVIDER@VERSION` or an absolute path on the runner"
)
_MISREAD = re.compile(r"[$%]\{|\\")
_GIT = re.compile(
    r"git::(?P<transport>https|ssh)://(?:(?P<user>[^/@]*)@)?(?P<host>[A-Za-z0-9.-]+(?::[0-9]+)?)/(?P<path>[^?]+)"
    r"(?:\?(?P<query>.*))?"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(
    rf"(?P<address>(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?/)?{_LABEL}/{_LABEL}/[a-z0-9]+(?://[^@?]+)?)"
    r"(?:@(?P<version>.*))?"
)
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORTHAND = re.compile(r"(?P<host>github\.com|bitbucket\.org)/(?P<path>.+)")
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
        return Refusal(what, f"write `git::https://{whole}?ref=TAG`")
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
    query = dict(_pair(pair) for pair in (git["query"] or "").split("&") if pair)
    for key in sorted(query):
        if key not in ("ref", "depth"):
            return Refusal(f"module source `{text}` has `{key}` in its query", "only `ref` and `depth` are taken")
    if "ref" in query and not query["ref"]:
        return Refusal(f"module source `{text}` has an empty `ref`", "name a tag, a branch or a commit")
    commit = query.get("ref", "")
    version = commit if _COMMIT.fullmatch(commit) else None
    return ModuleSource(SourceKind.GIT, text, text, version)


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def _path(text: str) -> ModuleSource | Refusal:
    if posixpath.normpath(text) != text.rstrip("/") or text == "/":
        return Refusal(f"module source `{text}` is not a plain path", f"write `{posixpath.normpath(text)}`")
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
    return ModuleSource(SourceKind.REGISTRY, address, f"{address}@{version}", version)

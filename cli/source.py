"""What is to be deployed? A manifest from a file, from standard input, or from what was deployed before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from cli import files
from cli.client import Client
from cli.exits import Exit, Stop
from controller.errors import ConflictError, ManifestError, NotFoundError, Problem, suggest
from controller.manifest import compose, overlay, reading
from controller.manifest.overlay import Assignment
from controller.model.deployment import CHANGES, OPEN, Mode, Status
from controller.model.document import Json, plain

F = TypeVar("F", bound=Callable[..., Any])

_HEAD = "HEAD"
_LARGEST = 1024 * 1024
_SCHEMES = ("environment", "deployment")
_NEWEST = 200  # deployments that are looked through for the last that changes the environment


@dataclass(frozen=True, slots=True)
class Changes:
    """What was asked for with the options of `changing`."""

    merge: bool
    drop_workload: tuple[str, ...]
    drop_shared: tuple[str, ...]
    texts: tuple[str, ...]
    documents: tuple[str, ...]

    @property
    def assignments(self) -> list[Assignment]:
        texts = [Assignment("--set", text) for text in self.texts]
        return [*texts, *(Assignment("--set-json", text, is_json=True) for text in self.documents)]

    @property
    def changes(self) -> bool:
        return bool(self.merge or self.drop_workload or self.drop_shared or self.assignments)


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest. `text`: as it was written, where it is just that; `last`: what it builds on, and must be newest."""

    name: str
    manifest: Json
    text: str | None = None
    last: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """As the server takes it: what was written is sent as it is, so that mistakes are told with their places."""
        if self.text is not None:
            return {"source": {"name": self.name, "text": self.text}}
        return {"manifest": self.manifest}


def changing(command: F) -> F:
    """The options that change a manifest before it is deployed."""
    for option in (
        setting,
        click.option("--drop-shared", multiple=True, metavar="NAME", help="Leave this shared resource out."),
        click.option("--drop-workload", multiple=True, metavar="NAME", help="Leave this workload out."),
        click.option(
            "--merge",
            is_flag=True,
            help="Begin with what was last deployed with success; workloads and shared resources are replaced whole.",
        ),
    ):
        command = option(command)
    return command


def setting(command: F) -> F:
    """`--set` and `--set-json`."""
    text = click.option(
        "--set", "texts", multiple=True, metavar="PATH=VALUE", help="Set a text: workloads.api.outputs.URL=…"
    )
    document = click.option(
        "--set-json", "documents", multiple=True, metavar="PATH=JSON", help="Set any value: shared.db.params.size=5"
    )
    return text(document(command))


def read(source: str, server: Callable[[], Client], project: str, environment: str) -> Source:
    """The manifest; what is wrong with a file by itself is said at once, before any server is asked."""
    scheme, separator, name = source.partition("://")
    if not separator:
        return _written(*(("stdin", _stdin()) if source == "-" else (source, _file(Path(source)))))
    if scheme not in _SCHEMES:
        remedy = suggest(scheme, _SCHEMES, "give a file, -, environment://NAME or deployment://ID")
        raise Stop(Exit.USAGE, f"`{source}`: unsupported manifest source scheme `{scheme}`; {remedy}")
    if not name or set(name) & set("/?#"):
        raise Stop(
            Exit.USAGE, f"`{source}`: is no source; give environment://NAME, deployment://ID or deployment://HEAD"
        )
    if scheme == "environment":
        return Source(source, live(server(), project, name))
    if name != _HEAD:
        return Source(source, server().get("deployments", name, "manifest")["manifest"])
    last = newest(server(), project, environment)
    if last is None:
        server().get("environments", project, environment)  # says so where there is no such one, with a near name
        raise NotFoundError(f"{project}/{environment}: nothing was deployed yet; give a file, or another source")
    if last["mode"] == Mode.DESTROY:
        raise ConflictError(
            f"{project}/{environment}: the last deployment destroyed it; name the one to deploy: deployment://ID"
        )
    return Source(source, server().get("deployments", last["id"], "manifest")["manifest"], last=last["id"])


def changed(found: Source, changes: Changes, server: Callable[[], Client], project: str, environment: str) -> Source:
    """The manifest with what the options change in it."""
    if not changes.changes:
        return found
    manifest, last = found.manifest, found.last
    if changes.merge:
        below, last = base(server(), project, environment)
        manifest = overlay.merged(below, manifest)
    manifest = overlay.changed(
        manifest,
        drop_workloads=changes.drop_workload,
        drop_shared=changes.drop_shared,
        assignments=changes.assignments,
    )
    return Source(found.name, manifest, last=last)


def base(server: Client, project: str, environment: str) -> tuple[Json, str | None]:
    """What a merge begins with, and what has to be the newest deployment still when it is deployed."""
    last = newest(server, project, environment)
    if last is not None and Status(last["status"]) in OPEN:
        raise ConflictError(
            f"{project}/{environment}: deployment {last['id']} is {last['status'].replace('_', ' ')}, and a merge "
            "would miss what it changes; wait for its end, or end it first"
        )
    return live(server, project, environment, otherwise={}), last["id"] if last else None


def live(server: Client, project: str, environment: str, otherwise: Json = None) -> Json:
    """The manifest of the last deployment that succeeded; `otherwise` where none did, if it is given."""
    server.get("environments", project, environment)
    try:
        return server.get("environments", project, environment, "manifest")["manifest"]
    except NotFoundError:
        if otherwise is None:
            raise
        return otherwise


def newest(server: Client, project: str, environment: str) -> dict[str, Any] | None:
    """The newest deployment that changes the environment, whatever came of it."""
    found = server.get("deployments", project=project, environment=environment, limit=_NEWEST)["items"]
    return next((row for row in found if row["mode"] in CHANGES and row["ref"] is None), None)


def write(manifest: Json, to: str) -> None:
    """The whole manifest as YAML, to a file or to standard output."""
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)
    if to == "-":
        click.echo(text, nl=False)
    else:
        files.write_private(Path(to), text.encode())
        click.echo(f"the manifest is in {to}", err=True)


def _written(name: str, content: bytes) -> Source:
    node = reading.read_said(name, content)
    compose.manifest_of(node)
    return Source(name, plain(node), content.decode())


def _stdin() -> bytes:
    if sys.stdin.isatty():
        raise Stop(Exit.USAGE, "-: standard input is a terminal; pipe a manifest into it, or give a file")
    return sys.stdin.buffer.read(_LARGEST + 1)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as e:
        why = (e.strerror or "it cannot be read").lower()
        raise ManifestError(
            [Problem(str(path), f"cannot be read ({why})", "check the path and its permissions")]
        ) from e

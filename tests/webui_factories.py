"""A history to look at: rows of a real database, made as the controller makes them, and a site on top of it."""

from __future__ import annotations

import hashlib
import html
import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from waitress import trigger, wasyncore
from waitress.server import create_server
from werkzeug.test import TestResponse

from controller.deployments.doors import Connection, Doors
from controller.errors import Place
from controller.git.mirror import Mirror
from controller.history import access as tokens
from controller.history import decide, person, read, record, standing, watching, work
from controller.history.audit import Act
from controller.history.decision import Decided, DecidedRepository
from controller.history.opening import NewDeployment, Part
from controller.history.store import Store
from controller.model.bundle import Binding, Pins, StateStorage
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.deployment import EngineKind, Mode, Rank, Role, Status, VerdictKind
from controller.model.document import Json
from controller.model.graph import Coordinate, Graph, GraphNode, Output, Template
from controller.model.record import Counts
from controller.model.ruling import Ruling
from controller.model.tree import Commit
from controller.runner.protocol import Engine
from controller.secrets import age, logs
from controller.secrets.age import Identity
from controller.tofu import desired
from tests import databases
from webui import access
from webui.app import create_app

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ENGINE = Engine(EngineKind.OPENTOFU, "tofu", ("tofu",), "1.10.2", "`tofu` at /usr/bin/tofu is the first that fits")
MANIFEST = {"workloads": {"api": {"resources": {"db": {"type": "postgres"}}}}, "shared": {"dns": {"type": "dns"}}}
_LEASE = timedelta(minutes=5)
_NAMES = uuid.UUID("00000000-0000-0000-0000-00000000beef")


@dataclass
class World:
    """A database, the doors around it, and a clock that a test turns."""

    store: Store
    doors: Doors
    log_key: Identity
    clock: list[datetime] = field(default_factory=lambda: [NOW])

    @property
    def now(self) -> datetime:
        return self.clock[0]

    def later(self, **span: float) -> None:
        self.clock[0] += timedelta(**span)

    def app(self, **how: Any) -> Flask:
        app = create_app(self.doors, session_key=b"for tests only", **how)
        app.config["TESTING"] = False  # a bug is answered, not raised: visitors see what they would see
        return app

    def client(self, **how: Any) -> FlaskClient:
        return self.app(**how).test_client()

    def visitor(self, name: str = "alice", role: Role = Role.ADMIN, **how: Any) -> Visitor:
        """Somebody who has signed in at the page."""
        made = Visitor(self.client(**how))
        made.sign_in(token(self, name, role))
        return made

    def api(self, name: str = "bot", role: Role = Role.ADMIN, projects: Sequence[str] | None = None) -> Api:
        """Somebody who uses the API with a token."""
        return Api(self.client(), token(self, name, role, projects))


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[str]:
    """A real server for an application on a loopback port; its address. Nothing of it is left afterwards."""
    sockets: dict[int, Any] = {}
    listening = create_server(app, sockets, host="127.0.0.1", port=port, threads=4)
    wake = trigger.trigger(sockets)  # of its own: a reply that ends pulls that of the server, and may close it first
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.effective_port}"
    finally:
        listening.task_dispatcher.shutdown()
        # Closed by the thread that looks after the sockets: it ends when none is left.
        wake.pull_trigger(lambda: wasyncore.close_all(sockets))
        thread.join(timeout=10)


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def sign_in(self, secret: str, next: str = "") -> TestResponse:
        return self.send("/login", page="/login", token=secret, next=next)

    def see(self, path: str) -> str:
        """The words of a page, its markup left out."""
        response = self.client.get(path)
        assert response.status_code == 200, response.get_data(as_text=True)
        return words(response)

    def send(self, path: str, page: str = "/login", **fields: str) -> TestResponse:
        """Send a form that stands on a page, with the hidden field of that page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.client.get(page).get_data(as_text=True))
        return self.client.post(path, data={"csrf": found[1] if found else "", **fields})


class Api:
    """A program that uses the API."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {secret}", "User-Agent": "a test"}

    def get(self, path: str, **how: Any) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=self.headers | how.pop("headers", {}), **how)

    def post(self, path: str, body: Json = None, **headers: str) -> TestResponse:
        return self.client.post(f"/api/v1{path}", json=body, headers=self.headers | headers)

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(f"/api/v1{path}", headers=self.headers)


def words(response: TestResponse) -> str:
    """The text of a page as it reads."""
    body = re.sub(r"<(script|style).*?</\1>", " ", response.get_data(as_text=True), flags=re.S)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
    return re.sub(r" ([:,.])(?= |$)", r"\1", text)


def world(tmp_path: Path) -> World:
    """An empty database, nothing watched yet."""
    made = databases.opened(tmp_path)
    clock = [NOW]
    doors = Doors(
        store=made,
        connections={},
        runner=None,  # type: ignore[arg-type]
        engine=ENGINE,
        sealer=None,  # type: ignore[arg-type]
        data=tmp_path,
        recipients=(),
        controller="test",
        now=lambda: clock[0],
    )
    return World(made, doors, age.generate(), clock)


def watched(world: World, repository: str = "shop", mirror: Any = None) -> None:
    """A repository that is known."""
    url = f"https://git.example/{repository}.git"
    watching.ensure_repository(world.store, repository, url, "main")
    connection = Connection(repository, url, mirror or Mirror(world.doors.data / "mirrors" / f"{repository}.git", url))
    world.doors.connections[repository] = connection  # type: ignore[index]


def token(world: World, name: str = "alice", role: Role = Role.ADMIN, projects: Sequence[str] | None = None) -> str:
    """A token's secret."""
    secret = f"lockstep_{name}"
    tokens.create_token(
        world.store,
        name=name,
        secret_hash=access.digest(secret),
        role=role,
        projects=projects,
        act=Act("serve", world.now),
    )
    return secret


def commit_id(word: str) -> str:
    return hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest()


def commit(word: str, at: datetime = NOW, author: str = "Ada Example", message: str | None = None) -> Commit:
    email = f"{author.split(maxsplit=1)[0].lower()}@example.com"
    return Commit(commit_id(word), (), author, email, email, at, message or f"{word}\n")


def uuid_of(slug: str) -> str:
    return str(uuid.uuid5(_NAMES, slug))


def digest_of(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def graph() -> Graph:
    """A workload on a database in a network, and a name."""
    place = Place("platform/modules/postgres.yaml")

    def node(coordinate: Coordinate, module: str | None, edges: Mapping[str, Coordinate]) -> GraphNode:
        source = ModuleSource(SourceKind.INLINE, "", digest_of(module), code="# nothing") if module else None
        outputs = {} if module else {"URL": Template(("pg://", Output(edges["db"], ("host",))))}
        return GraphNode(coordinate, module, source, {}, {}, outputs, edges, (), {}, place, f"`{coordinate}`")

    network = Coordinate("network", "default", "shared.net")
    database = Coordinate("postgres", "default", "workloads.api.db")
    dns = Coordinate("dns", "default", "shared.dns")
    api = Coordinate("workload", "default", "api")
    nodes = [
        node(dns, "dns-zone", {}),
        node(network, "network", {}),
        node(database, "postgres", {"net": network}),
        node(api, None, {"db": database}),
    ]
    return Graph({made.coordinate: made for made in sorted(nodes, key=lambda made: made.coordinate)})


def summary(*changes: Mapping[str, Any], outputs: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    names = {"create": "create", "update": "update", "delete": "destroy", "replace": "replace"}
    counts = {word: sum(names.get(c["action"]) == word for c in changes) for word in names.values()}
    return {
        "format": 1,
        "changes": list(changes),
        "counts": counts,
        "outputs": list(outputs),
        "empty": not changes and not outputs,
    }


def change(action: str, resource: str = "postgres.default#workloads.api.db", **more: Any) -> dict[str, Any]:
    module = resource.replace(".", "_").replace("#", "_")
    found = {
        "address": f"module.{module}.terraform_data.this",
        "module": resource,
        "action": action,
        "attributes": ["input", "triggers_replace"],
        "type": "terraform_data",
        "name": "this",
    }
    return found | more


def part(document: Json) -> Part:
    return Part.public(json.dumps(document, sort_keys=True).encode())


def new(
    world: World,
    slug: str,
    of: Commit | None = None,
    *,
    id: str | None = None,
    by: str = "git",
    mode: Mode = Mode.DEPLOY,
    want: str | None = None,
    keys: bool = True,
    **more: Any,
) -> NewDeployment:
    """A deployment to open."""
    project, _, environment = slug.partition("/")
    written = desired.desired(graph(), Pins(), EngineKind.OPENTOFU)
    id = id or str(uuid.uuid5(_NAMES, f"{slug}{of.id if of else by}{world.now}"))
    key = (
        age.encrypt(world.log_key.secret.reveal().encode(), [world.log_key.recipient]) if keys and by == "git" else None
    )
    return NewDeployment(
        id=id,
        project=project,
        environment=environment,
        environment_uuid=uuid_of(slug),
        mode=mode,
        rank=Rank.GIT if by == "git" else Rank.PERSON,
        desired_digest=want or digest_of(f"{slug}{of.id if of else by}"),
        binding=Binding(uuid_of(slug), "local", StateStorage("local"), EngineKind.OPENTOFU),
        created_by=by,
        reason=f"commit {of.id[:10]} changes it" if of else "by hand",
        parts={"manifest": part(MANIFEST), "desired": part(written.document)},
        repository="shop",
        commit=of,
        log_recipient=world.log_key.recipient if keys else None,
        log_key=key,
        **more,
    )


def decided(
    world: World,
    commits: Sequence[Commit],
    environments: Sequence[Decided],
    *,
    repository: str = "shop",
    before: str | None = None,
    catalogue: Json = None,
) -> None:
    """The decision on a walk."""
    decision = DecidedRepository(
        id=repository,
        before=before,
        tip=commits[-1].id,
        woken=1,
        release="0.1.0",
        now=world.now,
        commits=tuple(commits),
        projects={made.project: made.project for made in environments},
        catalogue=catalogue,
        environments=tuple(environments),
    )
    watching.polled(world.store, repository, world.now, head=commits[-1].id)
    assert decide.record(world.store, decision)


def wants(
    world: World,
    slug: str,
    of: Commit,
    *,
    version: int | None = None,
    opens: bool = True,
    type: str = "development",
    **more: Any,
) -> Decided:
    """One environment that the commit changes; with `opens` its deployment is opened."""
    project, _, name = slug.partition("/")
    want = digest_of(f"{slug}{of.id}")
    kind = more.pop("kind", VerdictKind.DEPLOYED)
    told = Ruling(of.id, kind, want, changed=True, reason=more.pop("why", ""), problems=more.get("problems", ()))
    return Decided(
        uuid=uuid_of(slug),
        project=project,
        name=name,
        version=version,
        type=type,
        told=(told,),
        tip=want,
        desired=want,
        desired_commit=of.id,
        opening=new(world, slug, of) if opens else None,
        **more,
    )


def planned(world: World, id: str, found: Mapping[str, Any], diagnostics: Sequence[Json] = ()) -> None:
    """Claim a queued deployment and keep its plan."""
    assert work.claim_queued(world.store, "test", world.now, _LEASE) == id
    counts = Counts(**found["counts"])
    parts = {"summary": part(found), "diagnostics": part(list(diagnostics))}
    plan = record.Planned(digest_of("plan"), "1.10.2", None, counts, found["empty"], parts)
    record.planned(world.store, id, plan)


def logged(world: World, id: str, *texts: str) -> None:
    """Chunks of a log, the last one with the end marker."""
    chunks = []
    for number, text in enumerate(texts, 1):
        plain = logs.write_chunk(id, number, text, end=number == len(texts))
        chunks.append((number, age.encrypt(plain, [world.log_key.recipient])))
    record.progressed(world.store, id, (), chunks)


def ended(world: World, id: str, status: Status = Status.SUCCEEDED, message: str = "", **more: Any) -> None:
    if status is Status.SUCCEEDED:
        record.begin_apply(world.store, id, world.now)
    record.finished(world.store, id, record.Finish(status, message, status is Status.SUCCEEDED, **more), world.now)
    record.cleared(world.store, id)


def newest(world: World) -> str:
    """The id of the newest deployment."""
    return read.deployments(world.store, limit=1)[0].id


def version(world: World, slug: str) -> int:
    """What a further decision on an environment has to build on."""
    return standing.standing(world.store, "shop", world.now).environments[slug].version


def by_person(world: World, slug: str, name: str, **more: Any) -> str:
    """A deployment that somebody opened; its id."""
    made = new(world, slug, by=name, **more)
    return person.opened(world.store, made, Act(name, world.now, "to try it")).id

"""A repository of modules on a server of its own, and a company that uses it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pygit2

from controller.history import module_pins
from controller.model.deployment import Status
from controller.model.document import Json
from tests import git_factories
from tests.deploy_factories import REPOSITORY, World, project, sized
from tests.git_factories import Content
from tests.git_server import Answer, GitServer, Request, git_server
from tests.tls_factories import self_signed, trusted

CODE = {"bucket/main.tf": 'output "name" { value = "x" }\n'}
BUCKET = "workloads:\n  api:\n    resources:\n      files: {type: bucket}\n"


@dataclass
class Remote:
    """A repository of modules on a server of its own, which counts how often it is asked, and may refuse or hang."""

    repo: pygit2.Repository
    server: GitServer
    refuses: Answer | None = None
    hangs: threading.Event = field(default_factory=threading.Event)  # set: it answers
    listings: int = 0

    def answer(self, request: Request) -> Answer | None:
        if request.path.endswith("/info/refs"):
            self.listings += 1
        self.hangs.wait(30)
        return self.refuses

    def release(self, ref: str = "refs/tags/v1", code: str = "# new\n") -> str:
        """Change the module, and let a tag or branch be that."""
        made = git_factories.commit(self.repo, {"bucket/main.tf": CODE["bucket/main.tf"] + code})
        git_factories.point(self.repo, ref, made)
        return made

    def source(self, query: str = "?ref=v1", folder: str = "//bucket") -> str:
        return f"git::{self.server.url('modules.git')}{folder}{query}"


@contextmanager
def served(folder: Path) -> Iterator[Remote]:
    """A remote below the folder that holds the module's first commit."""
    repo = git_factories.repository(folder / "served" / "modules.git")
    tls = self_signed(folder)
    with trusted(folder), git_server(folder / "served", tls=tls) as server:
        made = Remote(repo, server)
        made.hangs.set()
        server.answer = made.answer
        git_factories.commit(repo, CODE)
        try:
            yield made
        finally:
            made.hangs.set()


def module(source: str, name: str = "bucket") -> dict[str, Content]:
    return {
        f"platform/resource-types/{name}.yaml": f"id: {name}\noutput_schema: {{}}\n",
        f"platform/modules/{name}.yaml": f"resource_type: {name}\nmodule_source: {source}\nrules: [{{}}]\n",
    }


def started(acme: World, remote: Remote, source: str | None = None) -> str:
    """Staging has a bucket, development and production have none, and all are in step; the commit of `v1`."""
    first = remote.release(code="# one\n")
    environments = project(development=sized(1), staging=BUCKET, production=sized(2))
    acme.deploy({**environments, **module(source or remote.source())}, "Begin")
    assert {row.status for row in acme.deployments()} == {Status.SUCCEEDED}
    return first


def tick(acme: World, times: int = 1) -> None:
    for _ in range(times):
        acme.clock.forward(timedelta(minutes=1))
        acme.poll()
        acme.settle()


def given(acme: World, deployment: str) -> Json:
    """The block of the bucket in what the engine was given."""
    blocks = json.loads(acme.runner.bundles[deployment]["main.tf.json"])["module"]
    return next(block["source"] for name, block in blocks.items() if "bucket" in name)


def recorded(acme: World) -> Mapping[str, tuple[str | None, str | None]]:
    found = module_pins.recorded(acme.doors.store, REPOSITORY)
    return {source: (pin.commit, pin.error) for source, pin in found.items()}

"""Secrets are found in the log and in the outputs, once decrypted, and nowhere else.

With each protection taken away the search finds them: so it would have.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from controller.deployments import actions
from controller.deployments.requests import PlannedRef
from controller.history import decided, read
from controller.history.store import Store
from controller.model.deployment import EngineKind, Status, VerdictKind
from controller.model.record import Deployment
from controller.runner import durable, protocol
from controller.runner.protocol import Engine, Handed, Job, Observation
from controller.secrets import age
from controller.secrets.sealing import Sealer
from controller.secrets.secret import Secret
from tests import databases
from tests.canary_factories import Sampling, Search
from tests.deploy_factories import CONTROLLER, World
from tests.leaky_factories import (
    PRINTED,
    READER,
    SECRETS,
    Site,
    awaited,
    company,
    ended,
    environment,
    log,
    outputs,
    private_keys,
    runner_file,
    wanted,
)
from tests.local_runner import LocalRunner
from tests.runner_factories import ROOT, engines

pytestmark = pytest.mark.engine

ENGINES = engines()
MANIFEST = "projects/shop/development/app.manifest.yaml"


class Clumsy(LocalRunner):
    """Fails the first time, with all that it was given in its words: a bug, which the controller logs."""

    def __init__(self) -> None:
        self.failed: set[Path] = set()

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
        if directory not in self.failed:
            self.failed.add(directory)
            raise RuntimeError(f"cannot start {job} with {environment}")
        super().start(job, directory, environment)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_secrets_are_nowhere_but_in_log_and_outputs(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    meanwhile, may_hold = Search(SECRETS), clear_with(engine)
    with company(tmp_path, engine, Clumsy()) as acme:
        with Sampling(meanwhile, acme.doors.data, may_hold) as sampling:
            rows = deployed(acme, tmp_path)
            planned = plan_of_a_request(acme, tmp_path)
            reject_mistakes(acme, tmp_path)
        assert sorted({name for name in map(kind_of, sampling.seen) if name}) == SAMPLED
        assert meanwhile.found == {}
        for row in rows:
            assert [line for line in PRINTED if line not in log(acme, row)] == []
        assert outputs(acme, rows[-1]) == {"api": {"PASSWORD": SECRETS["returned"]}}

        site = Site(acme, [planned.id])
        search = Search({**SECRETS, **private_keys(acme, acme.deployments()), "token": site.token})
        assert f"/deployments/{rows[0].id}" in search.in_pages(site.visitor)
        assert f"/deployments/{rows[0].id}/logs" in search.in_api(site.client, site.token, site.values)
        parts = search.in_database(tmp_path)
        assert databases.is_postgresql() or "lockstep.sqlite3-wal" in parts
    said = caplog.text + "".join(capfd.readouterr())
    assert f"RuntimeError: cannot start Job(deployment='{rows[0].id}'" in said
    assert "'CANARY': (secret)" in said
    search.look("ordinary log", said.encode())
    search.look("arguments and names of files", "\n".join(sampling.seen).encode())
    search.look("comment", planned.comment().encode())
    search.in_files(acme.doors.data, may_hold)
    assert search.found == {}


def test_without_masks_the_search_finds_what_the_engine_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    search = Search(SECRETS)
    with company(tmp_path, ENGINES[0], Unmasked()) as acme:
        acme.push(environment("production", wanted(tmp_path, 1, type_="refused")))
        (row,) = ended(acme, 1)
        site = Site(acme)
    search.look("ordinary log", caplog.text.encode())
    search.in_database(tmp_path)
    search.in_pages(site.visitor)
    search.in_api(site.client, site.token, site.values)
    places = (
        "ordinary log",
        "deployments.message",
        "events.document",
        "artifacts.content",
        *(f"bytes of {path.name}" for path in databases.files(tmp_path)[:1]),
        f"GET /deployments/{row.id}",
        f"GET /api/v1/deployments/{row.id}/diagnostics",
    )
    assert [place for place in places if search.found.get(place) != {"env", "lines", "file"}] == []


def test_without_encryption_the_search_finds_log_and_outputs(tmp_path: Path) -> None:
    search, runner = Search(SECRETS), Unencrypted()
    with company(tmp_path, ENGINES[0], runner) as acme:
        runner.store = acme.doors.store
        acme.push(environment("development", wanted(tmp_path, 1)))
        (row,) = ended(acme, 1)
        site = Site(acme)
    search.in_database(tmp_path)
    search.in_api(site.client, site.token, site.values)
    found = {place: names for place, names in search.found.items() if not place.startswith("bytes")}
    printed = {"env", "lines", "file", "returned"}  # that one as the key of an instance
    assert found == {
        "log_chunks.content": printed,
        "outputs.content": {"returned"},
        f"GET /api/v1/deployments/{row.id}/logs": printed,
        f"GET /api/v1/deployments/{row.id}/outputs": {"returned"},
    }


def test_without_seals_the_search_finds_the_variables_of_the_runner(tmp_path: Path) -> None:
    search = Search(SECRETS)
    with company(tmp_path, ENGINES[0], LocalRunner(), Unsealed()) as acme:
        acme.push(environment("production", wanted(tmp_path, 1, type_="refused")))
        ended(acme, 1)
    search.in_database(tmp_path)
    assert search.found["artifacts.content"] == {"env", "lines", "request"}


def test_a_log_is_read_with_the_program_age_alone(tmp_path: Path) -> None:
    program = shutil.which("age")
    if program is None:
        pytest.skip("the program `age` is not installed, so nothing shows that it opens a log")
    with company(tmp_path, ENGINES[0], LocalRunner()) as acme:
        acme.push(environment("production", wanted(tmp_path, 1, type_="refused")))
        (row,) = ended(acme, 1)
        (tmp_path / "reader").write_text(CONTROLLER.secret.reveal())
        key = read.details(acme.doors.store, row.id).log_key
        (tmp_path / "key").write_bytes(opened(program, tmp_path / "reader", key or b""))
        chunks = [opened(program, tmp_path / "key", chunk) for _, chunk in read.log_chunks(acme.doors.store, row.id)]
    assert chunks[0].startswith(f"lockstep-log/1 {row.id} 1".encode())
    assert chunks[-1].startswith(f"lockstep-log/1 {row.id} {len(chunks)} end\n".encode())
    assert SECRETS["env"].encode() in b"".join(chunks)


class Unmasked(LocalRunner):
    """Starts the same supervisor as ever, and tells it of no secret that it would have to hide."""

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
        given = {name: value.reveal() if isinstance(value, Secret) else value for name, value in environment.items()}
        passphrase, key = given.pop(protocol.PASSPHRASE, None), given.pop(protocol.FINGERPRINT_KEY)
        protocol.write_job(directory, job)
        lock = os.open(directory / protocol.LOCK, os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        supervisor = subprocess.Popen(
            (sys.executable, "-P", "-m", "controller.runner", str(directory)),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            pass_fds=(lock,),
        )
        os.close(lock)
        threading.Thread(target=supervisor.wait, daemon=True).start()
        assert supervisor.stdin is not None
        with supervisor.stdin as stdin:
            stdin.write(protocol.write_handed(Handed({"PATH": os.environ["PATH"], **given}, (), passphrase, key, lock)))


class Unencrypted(LocalRunner):
    """Hands on log and outputs as if the supervisor had written them in clear."""

    store: Store

    def observe(self, directory: Path, after_event: int = 0, after_chunk: int = 0) -> Observation:
        seen, details = super().observe(directory, after_event, after_chunk), read.details(self.store, directory.name)
        path, key = directory / protocol.OUTPUTS, self._key(details.outputs_key, READER.secret)
        if path.exists() and path.read_bytes().startswith(b"age-encryption.org"):
            durable.write(path, age.decrypt(path.read_bytes(), key))
        key = self._key(details.log_key, CONTROLLER.secret)
        return dataclasses.replace(seen, chunks=tuple((n, age.decrypt(chunk, key)) for n, chunk in seen.chunks))

    def _key(self, message: bytes | None, reader: Secret) -> str:
        return age.decrypt(message or b"", reader.reveal()).decode()


class Unsealed(Sealer):
    """Seals nothing."""

    def __init__(self) -> None:
        pass

    def seal(self, data: bytes) -> bytes:
        return data

    def open(self, sealed: bytes) -> bytes:
        return sealed


def deployed(acme: World, folder: Path) -> Sequence[Deployment]:
    """One that succeeds, one whose apply fails, one whose plan fails; then a resource renamed, then changed."""
    kinds = {"development": "leaky", "staging": "broken", "production": "refused"}
    manifests = {name: environment(name, wanted(folder, 1, type_=kind)) for name, kind in kinds.items()}
    acme.push({path: content for files in manifests.values() for path, content in files.items()})
    rows = sorted(ended(acme, 3), key=lambda row: list(kinds).index(row.environment))
    for size in (1, 2):
        acme.push({MANIFEST: wanted(folder, size, name="store")})
        rows.append(ended(acme, len(rows) + 1)[-1])
    assert [row.status for row in rows] == [Status.SUCCEEDED, *[Status.FAILED] * 2, *[Status.SUCCEEDED] * 2]
    return [rows[0], *rows[1:3], rows[-1]]


def plan_of_a_request(acme: World, folder: Path) -> PlannedRef:
    """A request that adds an environment."""
    acme.repo.references.create("refs/heads/request", acme.repo.references["refs/heads/main"].target)
    acme.push(environment("preview", wanted(folder, 1, vault="request")), branch="request")
    asked = actions.plan_ref(acme.doors, "ann", "request")
    row = ended(acme, len(acme.deployments()))[-1]
    assert ([row.id], row.status) == ([one.id for one in asked.deployments], Status.PLANNED)
    return actions.planned_ref(acme.doors, asked.id)


def reject_mistakes(acme: World, folder: Path) -> None:
    """Commits with mistakes around a secret; every environment rejects each of them."""
    right, secret = runner_file(folder), json.dumps(SECRETS["env"], ensure_ascii=False)
    for wrong in (f"[{secret}]", f"{{a: {secret}}}", secret[:-1], f"{secret}, {secret}", f"{secret} {secret}"):
        commit = acme.push({"platform/runners/local.yaml": right.replace(secret, wrong)})
        awaited(lambda commit=commit: read.repositories(acme.doors.store)[0].decided_tip == commit)
        verdicts = decided.commit(acme.doors.store, commit).verdicts
        assert {verdict.kind for verdict in verdicts} == {VerdictKind.REJECTED}


def clear_with(engine: Engine) -> Callable[[str], bool]:
    """Whether a file of the data directory may hold secrets in clear: plans and states where nothing encrypts them."""
    is_encrypted = engine.kind is EngineKind.OPENTOFU
    return lambda path: not is_encrypted and (path.startswith("states/") or path.endswith("/plan.bin"))


SAMPLED = ["apply", "events.jsonl", "init", "job.json", "main.tf.json", "metadata.json", "plan", "supervisor"]


def kind_of(seen: str) -> str:
    """Which of the things that have to be looked at this is: a file of a run, or the arguments of a process."""
    arguments = seen.split("\0")
    if len(arguments) == 1:
        name = seen.rpartition("/")[2]
        return name if name in SAMPLED else ""
    if "controller.runner" in arguments:
        return "supervisor"
    return next((word for word in arguments if word in ("init", "plan", "apply") and "-json" in arguments), "")


def opened(program: str, key: Path, message: bytes) -> bytes:
    return subprocess.run((program, "-d", "-i", str(key)), input=message, capture_output=True, check=True).stdout

"""Which version of a provider an environment gets is found once, recorded, and from then on part of what is wanted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller.deployments import actions
from controller.history import decided, read
from controller.history.standing import recorded_pins
from controller.model.deployment import FINAL, EngineKind, Status, VerdictKind
from controller.model.document import Json
from controller.model.record import Decision, Deployment
from controller.runner.protocol import Job, Phase
from controller.secrets.secret import Secret
from controller.tofu import desired as documents
from controller.tofu import lock
from tests import provider
from tests.deploy_factories import REPOSITORY, Script, World, project, sized, world
from tests.git_factories import Content
from tests.local_runner import LocalRunner
from tests.runner_factories import engines

PATIENCE = 60.0
HOSTS = {EngineKind.OPENTOFU: "registry.opentofu.org", EngineKind.TERRAFORM: "registry.terraform.io"}
ENGINES = engines()
MANIFEST = "projects/shop/development/app.manifest.yaml"
LOCK = "platform/.terraform.lock.hcl"
ENTRY = 'provider "registry.terraform.io/acme/thing" {{\n  version = "1.0.0"\n  hashes = [{}]\n}}\n'


class Recording(LocalRunner):
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.bundles: dict[str, Mapping[str, bytes]] = {}

    def deliver(self, directory: Path, files: Mapping[str, bytes]) -> None:
        self.bundles[directory.name] = files
        super().deliver(directory, files)

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
        self.jobs.append(job)
        super().start(job, directory, environment)


@dataclass
class Company:
    """A repository with a module that asks for a provider, and a mirror where the engine finds its versions."""

    world: World
    mirror: Path
    runner: Recording

    @property
    def address(self) -> str:
        return f"{HOSTS[self.world.doors.engine.kind]}/acme/thing"

    def offer(self, version: str) -> None:
        kind = self.world.doors.engine.kind
        provider.install(self.mirror, HOSTS[kind], version, provider.platform(self.world.doors.engine.command))

    def deploy(self, files: Mapping[str, Content]) -> str:
        """Push, and let everything happen, three ticks more among it."""
        commit = self.world.push(files)
        _tick(self.world)
        return commit

    def rows(self) -> list[Deployment]:
        return self.world.deployments()

    def pins(self) -> dict[str, str]:
        """Versions that are recorded for the environment."""
        found, _ = recorded_pins(self.world.doors.store, self.world.environment("development").uuid, REPOSITORY)
        return {address: pin.version for address, pin in found.providers.items()}

    def wanted(self, row: Deployment) -> Json:
        """The pins in the stored document of a deployment."""
        return read.details(self.world.doors.store, row.id).desired["pins"]["providers"]

    def given(self, row: Deployment) -> tuple[str | None, bool]:
        """The lock file that the engine was given for a deployment, and whether it might be changed."""
        (job,) = [job for job in self.runner.jobs if (job.deployment, job.phase) == (row.id, Phase.PLAN)]
        content = self.runner.bundles[row.id].get(".terraform.lock.hcl")
        return content.decode() if content else None, not job.keep_lock_file

    def is_in_step(self, row: Deployment) -> bool:
        """Whether the digest of a deployment is what is wanted, decided and applied."""
        found, digest = self.world.environment("development"), row.desired_digest
        return (found.desired, found.applied, found.decided) == (digest, digest, Decision(digest, row.id, row.status))


@pytest.fixture(params=ENGINES[:1], ids=lambda engine: engine.name)
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Company]:
    """Version 1.0.0 is offered; nothing was deployed yet. What engines decide runs on each of them, the rest on one."""
    mirror, settings = tmp_path / "mirror", tmp_path / "cli.tfrc"
    settings.write_text(provider.configuration(mirror))
    runner = Recording()
    with world(tmp_path / "company", runner=runner, engine=request.param) as made:
        company = Company(made, mirror, runner)
        company.offer("1.0.0")
        made.push({"platform/runners/local.yaml": _runner(settings), **asking("")})
        yield company


def asking(constraint: str) -> dict[str, Content]:
    """The module's code with this constraint; it starts the provider for its schema, and has no resource of it."""
    version = f', version = "{constraint}"' if constraint else ""
    code = f'terraform {{\n  required_providers {{\n    thing = {{ source = "acme/thing"{version} }}\n  }}\n}}\n'
    return {"platform/modules/thing/versions.tf": code}


def first(company: Company, files: Mapping[str, Content] | None = None) -> Deployment:
    """The deployment of a first commit, which succeeds."""
    company.deploy({**project(development=sized(1)), **(files or {})})
    (row,) = company.rows()
    assert row.status is Status.SUCCEEDED, row.message
    return row


pytestmark = pytest.mark.engine
on_every_engine = pytest.mark.parametrize("company", ENGINES, indirect=True, ids=lambda engine: engine.name)


@on_every_engine
def test_what_the_first_init_chose_is_recorded_and_opens_no_second_deployment(company: Company) -> None:
    row = first(company)
    pin = company.wanted(row)[company.address]
    assert (pin["version"], [digest[:3] for digest in pin["hashes"]]) == ("1.0.0", ["h1:"])
    assert company.given(row) == (None, True)
    assert company.pins() == {company.address: "1.0.0"}
    assert company.is_in_step(row)
    assert company.world.told(row.commit or "") == {"development": "deployed"}

    company.offer("1.1.0")
    company.deploy({"README.md": "Hello"})
    assert company.rows() == [row]
    company.deploy({MANIFEST: sized(2)})
    _, again = company.rows()
    given, may_change = company.given(again)
    assert (again.status, company.wanted(again)) == (Status.SUCCEEDED, company.wanted(row))
    assert (lock.parse(given or "")[company.address].version, may_change) == ("1.0.0", False)
    assert company.is_in_step(again)


@on_every_engine
def test_another_constraint_is_another_version_and_one_deployment(company: Company) -> None:
    first(company, asking("~> 1.0"))
    company.offer("1.1.0")
    company.offer("2.0.0")
    commit = company.deploy(asking("~> 2.0"))
    _, row = company.rows()
    assert (row.commit, row.status) == (commit, Status.SUCCEEDED)
    pin = company.wanted(row)[company.address]
    assert (pin["version"], pin["constraints"]) == ("2.0.0", "~> 2.0")
    assert company.pins() == {company.address: "2.0.0"}
    assert company.is_in_step(row)


def test_a_constraint_that_what_is_recorded_meets_keeps_it(company: Company) -> None:
    first(company)
    company.offer("1.1.0")
    company.deploy(asking(">= 1.0.0"))
    *_, row = company.rows()
    assert (row.status, company.pins()) == (Status.SUCCEEDED, {company.address: "1.0.0"})
    assert company.is_in_step(row)


@on_every_engine
def test_a_provider_that_nobody_asks_for_any_more_has_no_version(company: Company) -> None:
    first(company)
    company.deploy({"platform/modules/thing/versions.tf": None})
    _, row = company.rows()
    assert (row.status, company.wanted(row)) == (Status.SUCCEEDED, {})
    assert company.is_in_step(row)


def test_environments_have_versions_of_their_own(company: Company) -> None:
    first(company)
    company.offer("1.1.0")
    company.deploy(project(staging=sized(1)))
    old, new = company.rows()
    assert (old.environment, company.wanted(old)[company.address]["version"]) == ("development", "1.0.0")
    assert (new.environment, company.wanted(new)[company.address]["version"]) == ("staging", "1.1.0")


def test_the_lock_file_of_the_repository_wins(company: Company) -> None:
    first(company)
    pins = read.details(company.world.doors.store, company.rows()[0].id).desired
    written = lock.write(documents.pins_of(pins), company.world.doors.engine.kind)
    company.deploy({LOCK: written})
    assert len(company.rows()) == 1  # it says what was recorded
    company.offer("1.1.0")
    company.deploy(project(staging=sized(1)))
    _, row = company.rows()
    assert (row.environment, company.wanted(row)[company.address]["version"]) == ("staging", "1.0.0")
    assert (row.status, company.given(row)[1]) == (Status.SUCCEEDED, False)
    assert len(company.pins()) == 1


@on_every_engine
def test_an_entry_that_the_lock_file_of_the_repository_lacks_is_an_error_in_it(company: Company) -> None:
    before = first(company)
    commit = company.deploy({LOCK: "# nothing\n", MANIFEST: sized(2)})
    (verdict,) = decided.commit(company.world.doors.store, commit).verdicts
    assert (verdict.kind, verdict.problems) == (
        VerdictKind.REJECTED,
        (
            f"{LOCK}:1:1: `{company.address}`, which module `thing` needs, has no entry; run `providers lock` of the "
            "engine in a folder that `lockstep render P E --out` wrote, and take its entry",
        ),
    )
    assert [row.id for row in company.rows()] == [before.id]


def test_what_init_learns_about_the_versions_of_the_repository_is_no_other_wish(tmp_path: Path) -> None:
    """A further hash in the lock file that init wrote would be a digest that Git never wants: deployed for ever."""
    learned = ENTRY.format('"h1:abc", "zh:def"') + ENTRY.format("").replace("thing", "other")
    with world(tmp_path) as acme:
        acme.push({**asking(""), LOCK: ENTRY.format('"h1:abc"')})
        acme.runner.script = Script(lock=learned)
        acme.push(project(development=sized(1)))
        _tick(acme)
        (row,) = acme.deployments()
        found, digest = acme.environment("development"), row.desired_digest
        assert (found.desired, found.applied, found.decided) == (digest, digest, Decision(digest, row.id, row.status))
        assert read.details(acme.doors.store, row.id).desired["pins"]["providers"] == {
            "registry.terraform.io/acme/thing": {"version": "1.0.0", "hashes": ["h1:abc"]}
        }


def test_a_plan_that_waits_with_its_versions_and_is_discarded_opens_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as acme:
        acme.push(asking(""))
        acme.runner.script = Script(lock=ENTRY.format('"h1:abc"'), counts={"replace": 1})
        acme.push(
            {**project(development=sized(1)), "projects/shop/development/environment.yaml": "limits: {replace: 0}\n"}
        )
        _tick(acme)
        row = acme.last("development")
        assert (row.status, acme.environment("development").desired) == (Status.AWAITING_APPROVAL, row.desired_digest)
        actions.discard(acme.doors, "ann", row.id)
        _tick(acme)
        assert [one.status for one in acme.deployments()] == [Status.DISCARDED]


def _runner(settings: Path) -> str:
    variables = json.dumps({"TF_CLI_CONFIG_FILE": str(settings), **provider.WITHOUT_TLS})
    return (
        f"id: local\nrunner_configuration: {{type: local, env: {variables}}}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )


def _tick(acme: World) -> None:
    """Four polls, and everything that follows from each."""
    for _ in range(4):
        acme.poll()
        _settle(acme)


def _settle(acme: World) -> None:
    """Let everything happen; engines are waited for, people are not."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        acme.settle()
        rows = acme.deployments()
        waiting = {row.id for row in rows if row.status is Status.AWAITING_APPROVAL}
        if all(row.status in FINAL for row in rows if row.id not in waiting) and _runs(acme) == waiting:
            return
        time.sleep(0.02)
    raise AssertionError(f"it never settles: {acme.deployments()}")


def _runs(acme: World) -> set[str]:
    """Deployments of which a run is left."""
    folder = acme.doors.data / "runs"
    return {found.name for found in folder.iterdir()} if folder.exists() else set()

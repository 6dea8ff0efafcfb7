"""From what is a deployment by hand made? Files, what was deployed before, and what options change in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import cli
from cli.client import Client
from controller.history import read
from controller.model.deployment import Mode, Status
from controller.runner.protocol import Phase
from tests.commands.conftest import Company
from tests.deploy_factories import Script, project, sized

SIZE = "workloads.api.resources.db.params.size"
SCORE = """apiVersion: score.dev/v1b1
metadata: {name: web}
containers:
  main: {image: ., variables: {SIZE: '${resources.db.size}'}}
resources:
  db: {type: thing, params: {size: 3}}
"""


def deployed(company: Company, files: dict[str, str]) -> None:
    """Push, and wait until all that comes of it has ended."""
    before = len(company.world.deployments())
    company.world.push(files)
    company.world.poll()
    while len(rows := company.world.deployments()) == before or any(row.completed_at is None for row in rows):
        pass  # carried through in another thread


@pytest.fixture
def two(company: Company) -> Company:
    """Besides staging (size 1) there is production (size 2)."""
    deployed(company, project(staging=sized(1), production=sized(2)))
    return company


def manifest(company: Company, environment: str = "staging") -> dict[str, object]:
    """What was deployed last there."""
    found: dict[str, object] = read.details(company.world.doors.store, company.last(environment).id).manifest
    return found


def size(company: Company, environment: str = "staging") -> object:
    return manifest(company, environment)["workloads"]["api"]["resources"]["db"]["params"]["size"]  # type: ignore[index]


def test_what_another_environment_has_is_deployed(capsys, two: Company) -> None:
    assert cli.main(["deploy", "shop", "staging", "environment://production"]) == 0
    assert (size(two), two.last().status, two.last().created_by) == (2, Status.SUCCEEDED, "alice")


def test_any_deployment_is_deployed_again(capsys, two: Company) -> None:
    id = two.last("production").id
    assert cli.main(["deploy", "shop", "staging", f"deployment://{id}"]) == 0
    assert size(two) == 2


def test_head_is_what_was_deployed_last_whatever_came_of_it(capsys, company: Company) -> None:
    assert (
        cli.main(
            ["deploy", "shop", "staging", "deployment://HEAD", "--set-json", "workloads.api.resources.db.params.size=4"]
        )
        == 0
    )
    first = company.last()
    assert cli.main(["deploy", "shop", "staging", "deployment://HEAD"]) == 0
    assert (size(company), company.last().id != first.id) == (4, True)
    company.runner.script = Script(counts={})
    assert cli.main(["delete", "environment", "shop", "staging", "--no-prompt"]) == 0
    capsys.readouterr()
    assert cli.main(["deploy", "shop", "staging", "deployment://HEAD"]) == 3
    assert capsys.readouterr().err == (
        "shop/staging: the last deployment destroyed it; name the one to deploy: deployment://ID\n"
    )


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        (
            "environment://stagign",
            6,
            "project `shop` has no environment `stagign`; did you mean `staging`?",
        ),
        (
            "environment://",
            2,
            "`environment://`: is no source; give environment://NAME, deployment://ID or deployment://HEAD",
        ),
        (
            "deployment://a/b",
            2,
            "`deployment://a/b`: is no source; give environment://NAME, deployment://ID or deployment://HEAD",
        ),
        (
            "deployment://0000000",
            6,
            "deployment `0000000` is unknown; look at `lockstep get deployments`",
        ),
        (
            "environmnet://x",
            2,
            "`environmnet://x`: unsupported manifest source scheme `environmnet`; did you mean `environment`?",
        ),
        (
            "s3://x/y",
            2,
            "`s3://x/y`: unsupported manifest source scheme `s3`; give a file, -, environment://NAME or "
            "deployment://ID",
        ),
    ],
)
def test_a_source_that_is_none_is_explained(capsys, company: Company, source: str, code: int, said: str) -> None:
    assert cli.main(["deploy", "shop", "staging", source]) == code
    assert capsys.readouterr() == ("", f"{said}\n")


def test_the_head_of_an_environment_that_is_not_there_has_a_near_name(capsys, company: Company) -> None:
    assert cli.main(["deploy", "shop", "stagign", "deployment://HEAD"]) == 6
    error = capsys.readouterr().err
    assert error == "project `shop` has no environment `stagign`; did you mean `staging`?\n"


def test_a_merge_replaces_whole_workloads_and_keeps_the_others(capsys, company: Company, tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("workloads:\n  web: {resources: {q: {type: thing, params: {size: 9}}}}\n")
    assert cli.main(["deploy", "shop", "staging", str(over), "--merge", "--set", "workloads.api.outputs.X=y"]) == 0
    assert manifest(company) == {
        "workloads": {
            "api": yaml.safe_load(sized(1))["workloads"]["api"]
            | {"outputs": {"SIZE": "${resources.db.outputs.size}", "X": "y"}},
            "web": {"resources": {"q": {"type": "thing", "params": {"size": 9}}}},
        }
    }
    assert cli.main(["deploy", "shop", "staging", "deployment://HEAD", "--drop-workload", "web"]) == 0
    assert list(manifest(company)["workloads"]) == ["api"]  # type: ignore[call-overload]


def test_of_two_that_merge_at_the_same_time_the_second_is_refused(
    capsys, company: Company, tmp_path: Path, monkeypatch
) -> None:
    """It would have lost what the first one changed: somebody deploys after the second has read what there is."""
    over = tmp_path / "over.yaml"
    over.write_text("workloads: {}\n")
    before = company.last().id

    class Late(Client):
        """Its deployment is sent after somebody else's."""

        def post(self, *path: str, body=None):  # type: ignore[no-untyped-def]
            if path[-1] == "deployments" and not body["dry_run"] and body["reason"] == "late":
                assert cli.main(["deploy", "shop", "staging", "deployment://HEAD", "--reason", "first"]) == 0
                capsys.readouterr()
            return super().post(*path, body=body)

    monkeypatch.setattr("cli.client.Client", Late)
    assert cli.main(["deploy", "shop", "staging", str(over), "--merge", "--reason", "late"]) == 3
    last = company.last()
    assert (last.reason, last.id != before) == ("first", True)
    assert capsys.readouterr().err == (
        f"the last deployment of shop/staging is {last.id}, not {before}; look at what was deployed, then deploy "
        "again\n"
    )


def test_a_merge_while_something_is_deployed_is_refused(capsys, company: Company, tmp_path: Path) -> None:
    company.runner.script = Script(hangs_in=Phase.APPLY)
    over = tmp_path / "over.yaml"
    over.write_text("workloads: {}\n")
    assert cli.main(["deploy", "shop", "staging", "deployment://HEAD", "--no-wait"]) == 0
    id = capsys.readouterr().out.strip()
    assert cli.main(["deploy", "shop", "staging", str(over), "--merge"]) == 3
    err = capsys.readouterr().err
    assert err.startswith(f"shop/staging: deployment {id} is ")
    assert err.endswith(", and a merge would miss what it changes; wait for its end, or end it first\n")
    assert cli.main(["cancel", id]) == 0


def test_the_manifest_is_printed_and_nothing_is_deployed(capsys, company: Company, tmp_path: Path) -> None:
    before = company.last().id
    words = ["deploy", "shop", "staging", "deployment://HEAD", "--set-json", f"{SIZE}=7"]
    assert cli.main([*words, "--print-manifest", "-"]) == 0
    out, err = capsys.readouterr()
    assert (yaml.safe_load(out)["workloads"]["api"]["resources"]["db"]["params"], err) == ({"size": 7}, "")
    assert cli.main([*words, "--print-manifest", str(tmp_path / "m.yaml")]) == 0
    assert capsys.readouterr() == ("", f"the manifest is in {tmp_path}/m.yaml\n")
    assert yaml.safe_load((tmp_path / "m.yaml").read_text()) == yaml.safe_load(out)
    assert company.last().id == before


def test_a_score_file_is_deployed_beside_what_there_is(capsys, company: Company, tmp_path: Path) -> None:
    deployed(company, RUNS_SCORE | project(staging=sized(2)))
    (tmp_path / "score.yaml").write_text(SCORE)
    words = ["score", "deploy", "shop", "staging", str(tmp_path / "score.yaml")]
    assert cli.main(words) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path}/score.yaml:4:17: container `main` of workload `web` leaves its image open with `.`; "
        "give one with --default-image\n"
    )
    assert cli.main([*words, "--default-image", "web:1", "--print-manifest", "-"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert list(printed["workloads"]) == ["api", "web"]
    assert printed["workloads"]["web"]["resources"]["db"] == {"type": "thing", "params": {"size": 3}}
    params = printed["workloads"]["web"]["resources"]["score-workload"]["params"]
    assert params["containers"]["main"] == {"image": "web:1", "variables": {"SIZE": "${resources.db.outputs.size}"}}
    assert cli.main([*words, "--default-image", "web:1"]) == 0
    assert (manifest(company), company.last().status) == (printed, Status.SUCCEEDED)


RUNS_SCORE = {
    "platform/resource-types/score-workload.yaml": "id: score-workload\n",
    "platform/modules/score-workload.yaml": "resource_type: score-workload\nmodule_source: inline\nmodule_source_code: "
    "|\n"
    '  variable "metadata" {}\n  variable "containers" {}\n  variable "service" {}\n'
    "module_params:\n  metadata: {type: map}\n  containers: {type: map}\n  service: {type: map}\nrules: [{}]\n",
}


def test_what_a_score_file_mounts_comes_from_its_folder_and_from_nowhere_else(
    capsys, company: Company, tmp_path: Path
) -> None:
    deployed(company, RUNS_SCORE | project(staging=sized(2)))
    folder = tmp_path / "web"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("hidden")
    (folder / "app.conf").write_text("hello")
    (folder / "leak.conf").symlink_to("../secret.txt")

    def with_source(source: str) -> list[str]:
        text = SCORE.replace("image: .,", f"image: x, files: {{/etc/app.conf: {{source: {source}}}}},")
        (folder / "score.yaml").write_text(text)
        return ["score", "deploy", "shop", "staging", str(folder / "score.yaml"), "--print-manifest", "-"]

    assert cli.main(with_source("app.conf")) == 0
    params = yaml.safe_load(capsys.readouterr().out)["workloads"]["web"]["resources"]["score-workload"]["params"]
    assert params["containers"]["main"]["files"] == {"/etc/app.conf": {"content": "hello"}}
    for source in ("../secret.txt", "leak.conf", "none.conf"):
        assert cli.main(with_source(source)) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"{folder}/score.yaml:4:")
        assert "hidden" not in err


def test_two_score_files_of_one_workload_are_refused(capsys, tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(SCORE)
    words = ["score", "deploy", "shop", "staging", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    assert cli.main([*words, "--default-image", "x"]) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path}/b.yaml: workload `web` is in {tmp_path}/a.yaml already; give one of the two another name\n"
    )


def test_a_rollback_is_shown_or_planned_without_being_done(capsys, company: Company) -> None:
    first = company.last()
    deployed(company, project(staging=sized(2)))
    before = company.last().id
    assert cli.main(["rollback", "shop", "staging", first.id, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["desired_digest"], found["is_new"]) == (first.desired_digest, True)
    assert "`thing.default#workloads.api.db` params changed" in err
    assert company.last().id == before
    assert cli.main(["rollback", "shop", "staging", first.id, "--plan-only"]) == 0
    row = company.last()
    assert (row.mode, row.status, row.desired_digest) == (Mode.PLAN_ONLY, Status.PLANNED, first.desired_digest)
    assert read.environment(company.world.doors.store, "shop", "staging").holds == ()
    assert cli.main(["rollback", "shop", "staging", first.id, "--plan-only", "--dry-run"]) == 2

"""`lockstep diff`: what a commit, or what lies in the folder, would change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import cli
from tests.commands.conftest import SAMPLE, git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """The sample, committed."""
    folder = tmp_path / "repo"
    shutil.copytree(SAMPLE, folder)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "Add the sample")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", message)


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def diff(folder: Path, *arguments: str) -> int:
    return cli.main(["diff", "shop", "staging", "--repo", str(folder), *arguments])


SIZES = "projects/shop/staging/sizes.manifest.yaml"
LOAD = "projects/shop/staging/load-test.manifest.yaml"


def test_nothing_changed_is_said_and_is_no_failure(capsys, repo: Path):
    assert diff(repo) == 0
    assert capsys.readouterr() == ("", "nothing changes: shop/staging is wanted in the folder as it is at `HEAD`\n")


def test_changes_of_the_folder_are_told_with_their_reasons(capsys, repo: Path):
    change(repo, SIZES, "168", "240")
    change(repo, LOAD, "reports", "results")
    change(repo, "platform/modules/bucket/main.tf", "variable", "# by and by\nvariable")
    assert diff(repo) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "`bucket.default#workloads.load-test.results` moved: `bucket.default#workloads.load-test.reports` is called "
        "`bucket.default#workloads.load-test.results` now; what is there is kept",
        "`bucket.default#workloads.load-test.results` module changed: module `bucket`: its code changed, input "
        "`resource` changed",
        "`bucket.public#workloads.storefront.assets` module changed: module `bucket-public`: its code changed",
        "`queue.default#shared.events` params changed: param `retention_hours` changed",
        "`workload.default#load-test` params changed: its resources have other aliases",
    ]


def test_two_refs_are_compared_whatever_lies_in_the_folder(capsys, repo: Path):
    change(repo, SIZES, "168", "240")
    commit(repo, "Keep messages longer")
    (repo / SIZES).write_text("shard: {}\n")
    assert diff(repo, "--base", "HEAD~1", "--head", "main") == 0
    assert capsys.readouterr() == (
        "`queue.default#shared.events` params changed: param `retention_hours` changed\n",
        "",
    )
    assert diff(repo, "--base", "main", "--head", "main~1", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "environment": "shop/staging",
        "base": {"ref": "main", "declared": True},
        "head": {"ref": "main~1", "declared": True},
        "changes": [
            {
                "resource": "queue.default#shared.events",
                "kind": "params_changed",
                "previous": None,
                "reason": "param `retention_hours` changed",
            }
        ],
        "versions": [],
        "ambiguities": [],
    }


def test_changes_are_drawn_with_what_stands_beside_them(capsys, repo: Path):
    change(repo, SIZES, "168", "240")
    assert diff(repo, "-o", "mermaid") == 0
    out = capsys.readouterr().out
    assert out.startswith("flowchart LR\n")
    assert out.count(":::params_changed") == 1
    assert "bucket" not in out


def test_a_move_that_could_be_two_is_said(capsys, repo: Path):
    (repo / LOAD).write_text(
        "workloads: {load-test: {resources: {one: {type: bucket}, two: {type: bucket}}, outputs: {}}}\n"
    )
    assert diff(repo) == 0
    out, err = capsys.readouterr()
    assert err == (
        "note: `bucket.default#workloads.load-test.reports` may be among the new "
        "`bucket.default#workloads.load-test.one` and `bucket.default#workloads.load-test.two`; which is which cannot "
        "be told, so nothing is moved: rename one at a time to keep what is there\n"
    )
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "`bucket.default#workloads.load-test.one` added",
        "`bucket.default#workloads.load-test.reports` removed",
        "`bucket.default#workloads.load-test.two` added",
        "`workload.default#load-test` params changed",
    ]


LOCK = """
provider "registry.opentofu.org/hashicorp/aws" {
  version = "%s"
  hashes  = ["h1:x"]
}
"""


def test_another_version_of_a_provider_is_a_change_although_no_resource_says_otherwise(capsys, repo: Path):
    provider = "provider_type: aws\nid: main\nsource: hashicorp/aws\n"
    (repo / "platform/providers").mkdir()
    (repo / "platform/providers/aws.yaml").write_text(provider)
    change(
        repo,
        "platform/modules/bucket/module.yaml",
        "resource_type:",
        "provider_mapping: {aws: aws.main}\nresource_type:",
    )
    (repo / "platform/.terraform.lock.hcl").write_text(LOCK % "5.1.0")
    commit(repo, "Lock a provider")
    (repo / "platform/.terraform.lock.hcl").write_text(LOCK % "5.2.0")
    assert diff(repo) == 0
    assert capsys.readouterr().out == (
        "provider `registry.opentofu.org/hashicorp/aws`: locked to 5.2.0 now, was 5.1.0\n"
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("on_removal: approve\n", "it would be marked for removal"),
        ("on_removal: keep\n", "it would stay as it is (on_removal: keep)"),
        ("on_removal: destroy\n", "it would be destroyed (on_removal: destroy)"),
    ],
)
def test_what_becomes_of_one_that_is_gone_its_settings_say(capsys, repo: Path, settings: str, said: str):
    path = repo / "projects/shop/staging/environment.yaml"
    path.write_text((path.read_text() if path.exists() else "") + settings)
    commit(repo, "Say it")
    shutil.rmtree(path.parent)
    assert diff(repo) == 0
    assert capsys.readouterr().err == f"note: shop/staging is not declared in the folder: {said}\n"


def test_one_that_is_renamed_is_known_by_its_files(capsys, repo: Path):
    (repo / "projects/shop/staging").rename(repo / "projects/shop/rehearsal")
    assert diff(repo) == 0
    assert capsys.readouterr().err == (
        "note: shop/staging is not declared in the folder, where shop/rehearsal has the same files: it may be "
        "the same, renamed\n"
    )
    assert cli.main(["diff", "shop", "rehearsal", "--repo", str(repo)]) == 0
    assert capsys.readouterr().err == (
        "note: shop/rehearsal is not declared at `HEAD`, where shop/staging has the same files: it may be "
        "the same, renamed\n"
    )


def test_an_environment_that_one_side_does_not_know_is_all_new_or_all_gone(capsys, repo: Path):
    (repo / "projects/shop/staging").rename(repo / "projects/shop/rehearsal")
    (repo / "projects/shop/rehearsal/NOTES.md").write_text("Not the same any more.\n")
    assert diff(repo) == 0
    out, err = capsys.readouterr()
    assert err == "note: shop/staging is not declared in the folder: it would be marked for removal\n"
    assert {line.split()[1] for line in out.splitlines()} == {"removed:"}
    assert cli.main(["diff", "shop", "rehearsal", "--repo", str(repo)]) == 0
    out, err = capsys.readouterr()
    assert err == "note: shop/rehearsal is not declared at `HEAD`: all of it is new\n"
    assert {line.split()[1] for line in out.splitlines()} == {"added:"}


def test_an_environment_that_neither_side_knows_is_6(capsys, repo: Path):
    assert cli.main(["diff", "shop", "stagign", "--repo", str(repo)]) == 6
    assert capsys.readouterr() == ("", "environment `shop/stagign` is not declared; did you mean `staging`?\n")


def test_a_side_that_is_invalid_is_1_and_named(capsys, repo: Path):
    change(repo, SIZES, "shared:", "shard:")
    assert diff(repo) == 1
    assert capsys.readouterr() == (
        "",
        f"shop/staging cannot be read in the folder:\n{SIZES}:2:1: unknown key `shard`; did you mean `shared`?\n",
    )


def test_a_ref_that_does_not_exist_is_6(capsys, repo: Path):
    assert diff(repo, "--base", "mian") == 6
    assert capsys.readouterr() == ("", f"{repo}: the repository has no commit named `mian`; did you mean `main`?\n")

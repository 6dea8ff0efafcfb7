"""What do the offline commands say of a folder?"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cli
from tests.commands.conftest import SAMPLE, git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A copy of the sample that a test may break."""
    folder = tmp_path / "repo"
    shutil.copytree(SAMPLE, folder)
    return folder


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_sample_is_valid_and_that_is_said_by_silence(capsys):
    assert cli.main(["validate", str(SAMPLE)]) == 0
    assert capsys.readouterr() == ("", "")


def test_every_problem_of_a_folder_is_said_at_once(capsys, repo: Path):
    _change(repo / "projects/shop/development/environment.yaml", "limits:", "limist:")
    _change(repo / "projects/shop/shared.manifest.yaml", "shared:", "shard:")
    assert cli.main(["validate", str(repo)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines == sorted(lines)
    assert all(re.fullmatch(r"[\w./-]+:\d+:\d+: .+; .+", line) for line in lines)
    assert any("unknown key `limist`; did you mean `limits`?" in line for line in lines)
    assert any("unknown key `shard`; did you mean `shared`?" in line for line in lines)


def test_problems_are_values_for_machines(capsys, repo: Path):
    """A check of a pull request had to take the lines on stderr apart."""
    _change(repo / "projects/shop/development/environment.yaml", "limits:", "limist:")
    assert cli.main(["validate", "--repo", str(repo), "-o", "json"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert found["problems"] == [
        {
            "path": "projects/shop/development/environment.yaml",
            "line": 7,
            "column": 1,
            "what": "unknown key `limist`",
            "remedy": "did you mean `limits`?",
            "text": "projects/shop/development/environment.yaml:7:1: unknown key `limist`; did you mean `limits`?",
        }
    ]
    assert cli.main(["validate", str(SAMPLE), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_a_stray_file_is_named_with_what_it_should_be_called(capsys, repo: Path):
    (repo / "projects/shop/staging/manifets.yaml").write_text("workloads: {}\n")
    assert cli.main(["validate", str(repo)]) == 1
    assert "projects/shop/staging/manifets.yaml:1:1: " in capsys.readouterr().err


def test_two_environments_with_one_identity_are_refused_before_they_are_pushed(capsys, repo: Path):
    uuid = "11111111-1111-4111-8111-111111111111"
    for name in ("development", "staging"):
        file = repo / "projects/shop" / name / "environment.yaml"
        file.write_text(f"uuid: {uuid}\n{file.read_text()}")
    assert cli.main(["validate", str(repo)]) == 1
    assert capsys.readouterr() == (
        "",
        f"projects/shop/staging/environment.yaml:1:7: uuid {uuid} is that of shop/development too, "
        "at projects/shop/development/environment.yaml:1:7; each environment needs its own\n",
    )


def test_an_image_that_lacks_is_asked_for_in_every_environment_that_lacks_it(capsys, tmp_path: Path):
    for name in ("dev", "prod", "test"):
        folder = tmp_path / "projects/app" / name
        folder.mkdir(parents=True)
        (folder / "manifest.yaml").write_text("workloads: {}\n")
    (tmp_path / "projects/app/test/environment.yaml").write_text("images: {api: api:1}\n")
    (tmp_path / "projects/app/score.yaml").write_text(
        "apiVersion: score.dev/v1b1\nmetadata: {name: api}\ncontainers: {main: {image: .}}\n"
    )
    assert cli.main(["validate", str(tmp_path)]) == 1
    place = "projects/app/score.yaml:3:28: container `main` of workload `api` leaves its image open with `.`"
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("projects/app/score.yaml:3:28")]
    assert said == [
        f"{place}; add `images: {{api: IMAGE}}` to projects/app/dev/environment.yaml",
        f"{place}; add `images: {{api: IMAGE}}` to projects/app/prod/environment.yaml",
    ]


def test_a_runner_that_this_release_cannot_run_is_refused_before_it_is_pushed(capsys, repo: Path):
    (repo / "platform/runners/cluster.yaml").write_text(
        "id: cluster\n"
        "runner_configuration:\n"
        "  type: kubernetes\n"
        "  cluster: {cluster_data: {certificate_authority_data: x, server: 'https://k.example'}}\n"
        "  job: {namespace: n, service_account: s}\n"
        "state_storage_configuration: {type: http}\n"
        "rules: [{env_type_id: development, project_id: shop}]\n"
    )
    assert cli.main(["validate", str(repo)]) == 1
    place = "platform/runners/cluster.yaml:1:1: runner `cluster`"
    assert capsys.readouterr().err.splitlines() == [
        f"{place} is of type `kubernetes`, which this release cannot run; use a runner of type `local`",
        f"{place} keeps states in `http`, which this release cannot do; use one of local, s3, gcs, azurerm, kubernetes",
    ]


def test_a_setting_that_nothing_acts_on_yet_is_doubted(capsys, repo: Path):
    folder = repo / "projects/shop/development"
    before = (folder / "environment.yaml").read_text()
    (folder / "environment.yaml").write_text(f"drift: {{every: 6h}}\nafter_merge: hold\non_removal: destroy\n{before}")
    assert cli.main(["validate", str(repo)]) == 0
    capsys.readouterr()
    assert cli.main(["validate", str(repo), "--strict"]) == 1
    place = "projects/shop/development/environment.yaml"
    said = [line for line in capsys.readouterr().err.splitlines() if place in line]
    assert said == [
        f"shop/development: {place}:2:14: `after_merge` has no effect in this release; "
        "until then a plan other than the reviewed one does not wait for it",
    ]


def test_a_ref_is_read_instead_of_the_folder(capsys, repo: Path):
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "Add the sample")
    _change(repo / "projects/shop/development/environment.yaml", "limits:", "limist:")
    assert cli.main(["validate", str(repo)]) == 1
    capsys.readouterr()
    assert cli.main(["validate", str(repo), "--ref", "main"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_ref_that_does_not_exist_is_6(capsys, repo: Path):
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "Add the sample")
    assert cli.main(["validate", str(repo), "--ref", "mian"]) == 6
    assert capsys.readouterr() == ("", f"{repo}: the repository has no commit named `mian`; did you mean `main`?\n")


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        pytest.param("shop/stagign", "environment `shop/stagign` is not declared; did you mean `staging`?", id="near"),
        pytest.param(
            "shop/x", "environment `shop/x` is not declared; there are development, production, staging", id="far"
        ),
        pytest.param("shpo/staging", "project `shpo` is not declared; did you mean `shop`?", id="project"),
    ],
)
def test_an_environment_that_is_not_declared_is_6(capsys, slug: str, said: str):
    assert cli.main(["graph", *slug.split("/"), "--repo", str(SAMPLE)]) == 6
    assert capsys.readouterr() == ("", f"{said}\n")


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_the_manifest_is_a_document(capsys, environment: str):
    assert cli.main(["manifest", "shop", environment, "--repo", str(SAMPLE)]) == 0
    as_yaml = yaml.safe_load(capsys.readouterr().out)
    assert cli.main(["manifest", "shop", environment, "--repo", str(SAMPLE), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == as_yaml
    assert set(as_yaml) == {"workloads", "shared"}


def test_every_leaf_has_its_place(capsys):
    assert cli.main(["manifest", "shop", "staging", "--repo", str(SAMPLE), "--provenance"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(re.fullmatch(r"(workloads|shared)\..+: projects/shop/[\w./-]+:\d+:\d+", line) for line in lines)
    assert {line.split(": projects/shop/")[1].split("/")[0] for line in lines} > {"staging"}


def test_the_graph_has_four_forms(capsys):
    said = {}
    for form in ("text", "json", "mermaid", "svg"):
        assert cli.main(["graph", "shop", "staging", "--repo", str(SAMPLE), "-o", form]) == 0
        said[form] = capsys.readouterr().out
    nodes = json.loads(said["json"])["nodes"]
    assert {node["resource"] for node in nodes if node["module"] is None} == {
        "workload.default#load-test",
        "workload.default#orders",
        "workload.default#storefront",
    }
    assert said["mermaid"].startswith("flowchart LR\n")
    assert said["svg"].startswith("<svg")
    assert said["text"]


def _render(environment: str, repo: Path, seed: str) -> bytes:
    line = (sys.executable, "-m", "cli", "render", "shop", environment, "--repo", str(repo))
    here = Path(cli.__file__).parents[1]
    done = subprocess.run(
        line,
        capture_output=True,
        check=True,
        cwd=here,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(here)},
    )
    return done.stdout


@pytest.mark.parametrize("environment", ["development", "production"])
def test_same_files_same_bytes(tmp_path: Path, environment: str):
    elsewhere = tmp_path / "else" / "where"
    for file in sorted((f for f in SAMPLE.rglob("*") if f.is_file()), reverse=True):
        target = elsewhere / file.relative_to(SAMPLE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    assert _render(environment, SAMPLE, "1") == _render(environment, elsewhere, "2")


def test_what_is_rendered_to_a_folder_has_the_files_of_the_modules(capsys, tmp_path: Path):
    out = tmp_path / "out"
    assert cli.main(["render", "shop", "staging", "--repo", str(SAMPLE), "--out", str(out)]) == 0
    stdout, err = capsys.readouterr()
    assert stdout == ""
    files = [path for path in out.rglob("*") if path.is_file()]
    assert f"{len(files)} files are in {out}\n" in err
    main = json.loads((out / "main.tf.json").read_text())
    for module in main["module"].values():
        assert (out / module["source"]).is_dir()


def test_a_folder_with_something_in_it_is_not_written_to(capsys, tmp_path: Path):
    (tmp_path / "old.tf").write_text("")
    assert cli.main(["render", "shop", "staging", "--repo", str(SAMPLE), "--out", str(tmp_path)]) == 3
    assert capsys.readouterr().err.endswith(f"{tmp_path}: is not empty; give a new folder, or empty this one\n")


@pytest.mark.parametrize("line", [["--version"], ["validate", "--help"], ["graph", "--help"]])
def test_offline_commands_do_not_load_the_server(line: list[str]):
    code = (
        "import sys, cli; cli.main(sys.argv[1:]); heavy = ('flask', 'sqlalchemy', 'httpx', 'apscheduler', 'alembic');"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run((sys.executable, "-c", code, *line), capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"

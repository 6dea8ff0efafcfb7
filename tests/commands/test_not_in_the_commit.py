"""Pointers of Git LFS, and submodules: what only looks as if it were in the commit is named, and taken for no file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import cli
from tests.git_factories import Content, Submodule, commit, repository

WHY = (
    "this is a Git LFS pointer, not its content; take the file out of Git LFS (`git lfs untrack`), and commit it again"
)
FILES: dict[str, Content] = {
    "platform/environment-types.yaml": "- id: development\n",
    "platform/resource-types/echo.yaml": "id: echo\n",
    "platform/modules/echo/module.yaml": "id: echo\nresource_type: echo\nmodule_source: .\nrules: [{}]\n",
    "platform/modules/echo/main.tf": 'output "y" {\n  value = filebase64("${path.module}/code.zip")\n}\n',
    "platform/modules/echo/code.zip": b"PK\x05\x06" + bytes(18),
    "platform/resource-types/score-workload.yaml": "id: score-workload\n",
    "platform/modules/workload.yaml": (
        "id: workload\nresource_type: score-workload\nmodule_source: inline\nrules: [{}]\n"
        "module_params: {metadata: {type: any}, containers: {type: any}, service: {type: any, is_optional: true}}\n"
        "module_source_code: |\n"
        '  variable "metadata" {}\n  variable "containers" {}\n  variable "service" { default = null }\n'
    ),
    "platform/providers/aws.yaml": (
        "provider_type: aws\nid: main\nsource: hashicorp/aws\nversion_constraint: '~> 5.0'\n"
    ),
    "projects/shop/project.yaml": "display_name: Shop\n",
    "projects/shop/api.score.yaml": (
        "apiVersion: score.dev/v1b1\nmetadata: {name: api}\ncontainers:\n  main:\n    image: nginx\n"
        "    files: {/motd: {source: files/motd.txt}}\n"
    ),
    "projects/shop/files/motd.txt": "hello\n",
    "projects/shop/development/environment.yaml": "{}\n",
    "projects/shop/development/manifest.yaml": "shared: {it: {type: echo}}\n",
    "projects/shop/development/api.score-overrides.yaml": "containers: {main: {image: 'nginx:2'}}\n",
}


def pointer(content: bytes = b"what it points at") -> str:
    """As `git lfs` writes it."""
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


def complaints(tmp_path: Path, capsys: pytest.CaptureFixture[str], **changed: Content) -> list[str]:
    """What `lockstep validate` says of the files above with these in their place."""
    repo = repository(tmp_path / "repo.git")
    files = FILES | changed
    commit(repo, {path: content for path, content in files.items() if content is not None})
    code = cli.main(["validate", "--repo", repo.path, "--ref", "main"])
    out, err = capsys.readouterr()
    assert code == (1 if err else 0), out
    return err.splitlines()


def test_the_files_themselves_are_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaints(tmp_path, capsys) == []


@pytest.mark.parametrize("path", [path for path in FILES if path != "projects/shop/files/motd.txt"])
def test_a_pointer_in_place_of_a_file_says_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    assert f"{path}:1:1: {WHY}" in complaints(tmp_path, capsys, **{path: pointer()})


def test_a_pointer_is_not_mounted_as_if_it_were_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = complaints(tmp_path, capsys, **{"projects/shop/files/motd.txt": pointer()})
    assert found == [
        "projects/shop/api.score.yaml:6:29: `files/motd.txt` is a Git LFS pointer, not its content; "
        "take the file out of Git LFS (`git lfs untrack`), and commit it again"
    ]


def test_a_text_about_pointers_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"Files that look like this are pointers:\n{pointer()}"
    assert complaints(tmp_path, capsys, **{"projects/shop/files/motd.txt": text}) == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("projects/shop", "projects/shop:1:1: a submodule cannot be a project; copy its files"),
        ("projects/shop/live", "projects/shop/live:1:1: a submodule cannot be an environment; copy its files"),
        (
            "projects/shop/development/charts",
            "projects/shop/development/charts:1:1: a submodule is not read; copy its files",
        ),
        (
            "projects/shop/files",
            "projects/shop/api.score.yaml:6:29: `files/motd.txt` lies in a submodule, which is not read; copy the file",
        ),
        (
            "platform/modules/echo/lib",
            "platform/modules/echo/lib:1:1: a submodule is not read; copy its files, or use it as a `git::` source",
        ),
    ],
)
def test_a_submodule_is_refused_where_files_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, says: str
) -> None:
    below: dict[str, Content] = {name: None for name in FILES if name.startswith(f"{path}/")}
    assert says in complaints(tmp_path, capsys, **below, **{path: Submodule("1" * 40)})

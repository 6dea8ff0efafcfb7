"""Prepares working directories: which files stay, and when init can be skipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.model.deployment import EngineKind
from controller.runner import bundle, initialised
from controller.runner.protocol import Engine
from tests import runner_factories

ENGINE = Engine(EngineKind.OPENTOFU, "tofu", ("/bin/tofu",), "1.9.0")
FILES = runner_factories.bundle() | {".terraform.lock.hcl": b"# pins"}
Files = dict[str, bytes]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_what_is_not_in_the_bundle_goes_and_what_is_the_engines_stays(tmp_path: Path) -> None:
    bundle.lay_out({"main.tf.json": b"old", "modules/a/main.tf": b"a", "x": b"file"}, tmp_path)
    for path in (".terraform/modules/modules.json", "modules/b/stray.tf", "x.auto.tfvars"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("left")
    (tmp_path / "link").symlink_to(tmp_path / "main.tf.json")
    (tmp_path / ".terraform.lock.hcl").write_text("left")
    bundle.lay_out({"main.tf.json": b"new", "modules/c/main.tf": b"c", "x/y": b"folder"}, tmp_path)

    assert names(tmp_path) == [
        ".terraform.lock.hcl",
        ".terraform/modules/modules.json",
        "main.tf.json",
        "modules/c/main.tf",
        "x/y",
    ]
    assert (tmp_path / "main.tf.json").read_text() == "new"


def test_a_file_that_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    bundle.lay_out({"main.tf.json": b"same"}, tmp_path)
    before = (tmp_path / "main.tf.json").stat().st_mtime_ns
    bundle.lay_out({"main.tf.json": b"same"}, tmp_path)

    assert (tmp_path / "main.tf.json").stat().st_mtime_ns == before


def test_a_private_copy_shares_plugins_and_nothing_else(tmp_path: Path) -> None:
    warm, private = tmp_path / "warm", tmp_path / "private"
    plugin = warm / ".terraform/providers/example/plugin"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("a plugin")
    (warm / ".terraform/terraform.tfstate").write_text("backend")
    (warm / ".terraform/providers/link").symlink_to(plugin)
    (warm / ".terraform.lock.hcl").write_text("pins")
    private.mkdir()
    bundle.copy_engine_folder(warm, private)

    copied = private / ".terraform"
    assert copied.joinpath("providers/example/plugin").stat().st_ino == plugin.stat().st_ino
    assert copied.joinpath("terraform.tfstate").stat().st_ino != (warm / ".terraform/terraform.tfstate").stat().st_ino
    assert copied.joinpath("providers/link").is_symlink()
    assert (private / ".terraform.lock.hcl").read_text() == "pins"


def main(files: Files, change: Callable[[dict[str, object]], object]) -> Files:
    document = json.loads(files["main.tf.json"])
    change(document)
    return files | {"main.tf.json": json.dumps(document).encode()}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(main(FILES, lambda d: d["module"]["thing"].update(name="another")), id="input"),  # type: ignore[index]
        pytest.param(main(FILES, lambda d: d["output"].clear()), id="output"),  # type: ignore[attr-defined]
        pytest.param(main(FILES, lambda d: d.update(variable={"X": {}})), id="variable"),
        pytest.param(main(FILES, lambda d: d.update(moved=[{"from": "a", "to": "b"}])), id="moved"),
        pytest.param(
            FILES | {"main.tf.json": json.dumps(json.loads(FILES["main.tf.json"]), indent=7).encode()}, id="blanks"
        ),
    ],
)
def test_init_does_not_look_at_values(changed: Files) -> None:
    assert initialised.digest(changed, ENGINE, ()) == initialised.digest(FILES, ENGINE, ())


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(main(FILES, lambda d: d["module"]["thing"].update(source="./other")), id="source"),  # type: ignore[index]
        pytest.param(main(FILES, lambda d: d["module"]["thing"].update(version="1.0.0")), id="version"),  # type: ignore[index]
        pytest.param(main(FILES, lambda d: d["module"].update(more={"source": "./x"})), id="call"),  # type: ignore[attr-defined]
        pytest.param(main(FILES, lambda d: d["terraform"].update(backend={"s3": {}})), id="backend"),  # type: ignore[attr-defined]
        pytest.param(main(FILES, lambda d: d["terraform"].update(required_providers={"a": {}})), id="providers"),  # type: ignore[attr-defined]
        pytest.param(main(FILES, lambda d: d.update(provider={"a": {}})), id="provider"),
        pytest.param(main(FILES, lambda d: d.update(something={"new": 1})), id="unknown"),
        pytest.param(FILES | {f"{runner_factories.MODULE}/main.tf": b""}, id="module"),
        pytest.param(FILES | {"modules/thing/more.tf": b""}, id="file"),
        pytest.param(FILES | {".terraform.lock.hcl": b""}, id="lock"),
        pytest.param(FILES | {"main.tf.json": b"garbage"}, id="garbage"),
        pytest.param(FILES | {"main.tf.json": b"[]"}, id="list"),
        pytest.param(FILES | {"main.tf.json": b'{"module": [1]}'}, id="odd"),
    ],
)
def test_init_looks_at_everything_else(changed: Files) -> None:
    assert initialised.digest(changed, ENGINE, ()) != initialised.digest(FILES, ENGINE, ())


def test_another_engine_or_other_arguments_need_init() -> None:
    other = Engine(EngineKind.OPENTOFU, "tofu", ("/bin/tofu",), "1.9.1")
    digests = {
        initialised.digest(FILES, *given) for given in ((ENGINE, ()), (other, ()), (ENGINE, ("-backend-config=x",)))
    }

    assert len(digests) == 3


def prepared(folder: Path) -> Path:
    """A working directory as init leaves it."""
    plugin = folder / "cache/plugin"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("a plugin")
    workdir = folder / "work"
    (workdir / ".terraform/modules").mkdir(parents=True)
    (workdir / ".terraform/modules/modules.json").write_text("{}")
    (workdir / ".terraform/providers").mkdir()
    (workdir / ".terraform/providers/plugin").symlink_to(plugin)
    (workdir / ".terraform.lock.hcl").write_text("pins")
    initialised.remember(workdir, "digest")
    return workdir


def test_init_that_succeeded_for_the_same_is_remembered(tmp_path: Path) -> None:
    workdir = prepared(tmp_path)

    assert initialised.is_current(workdir, "digest") is True
    assert initialised.is_current(workdir, "another digest") is False
    initialised.forget(workdir)
    assert initialised.is_current(workdir, "digest") is False


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda base: (base / "cache/plugin").unlink(), id="plugin"),
        pytest.param(lambda base: (base / "work/.terraform/modules/modules.json").unlink(), id="modules"),
        pytest.param(lambda base: (base / "work/.terraform/terraform.tfstate").write_text("x"), id="backend"),
        pytest.param(lambda base: (base / "work/.terraform.lock.hcl").write_text("other"), id="lock"),
        pytest.param(lambda base: (base / "work/.terraform.lock.hcl").unlink(), id="no-lock"),
        pytest.param(lambda base: (base / "work/.terraform/lockstep-init.json").write_text("{"), id="marker"),
        pytest.param(lambda base: (base / "work/.terraform/lockstep-init.json").write_text("[]"), id="odd-marker"),
    ],
)
def test_in_doubt_init_runs(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    workdir = prepared(tmp_path)
    damage(tmp_path)

    assert initialised.is_current(workdir, "digest") is False

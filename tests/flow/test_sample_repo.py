"""The sample repository is what a company would write: it resolves, renders, deploys, and shows what it is to show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml

from controller import pipeline
from controller.model.graph import Coordinate
from controller.runner.protocol import Engine
from tests.runner_factories import engines
from tests.sample_factories import SAMPLE, bundle, digest, resolved, sample

ROOT = SAMPLE.parent
ENVIRONMENTS = ("insights/live", "shop/development", "shop/production", "shop/staging")
SLOW = ("platform/modules/postgres-server/module.yaml", "platform/modules/postgres-server-ha.yaml")


@cache
def all_resolved() -> Mapping[str, pipeline.Resolved]:
    return dict(resolved(sample()))


def test_every_environment_resolves_without_warning() -> None:
    said = {slug: (*found.warnings, *found.unpinned) for slug, found in all_resolved().items()}
    assert said == dict.fromkeys(ENVIRONMENTS, ())


def test_the_catalogue_is_without_fault() -> None:
    repository = pipeline.read(sample())
    assert repository.catalog.problems == ()
    catalog = repository.catalog.catalog
    assert len(catalog.resource_types) >= 8
    assert [type_.id for type_ in catalog.resource_types.values() if not type_.output_schema["properties"]] == []
    assert {id_: type_.production for id_, type_ in catalog.environment_types.items()} == {
        "development": False,
        "staging": False,
        "production": True,
    }


@pytest.mark.parametrize(
    ("slug", "coordinate", "module"),
    [
        ("shop/staging", "postgres-server.default#main", "postgres-server"),
        pytest.param("shop/production", "postgres-server.default#main", "postgres-server-ha", id="by-type"),
        pytest.param("insights/live", "postgres.default#shared.warehouse", "postgres-warehouse", id="by-project"),
        pytest.param("shop/development", "route.default#workloads.orders.route", "route-plain", id="by-environment"),
        ("shop/staging", "route.default#workloads.orders.route", "route"),
        pytest.param("shop/staging", "bucket.public#workloads.storefront.assets", "bucket-public", id="by-class"),
        ("shop/staging", "bucket.default#workloads.load-test.reports", "bucket"),
        pytest.param("shop/staging", "queue.default#shared.events", "queue-partitioned", id="by-id"),
    ],
)
def test_rules_choose_the_module(slug: str, coordinate: str, module: str) -> None:
    assert all_resolved()[slug].graph.nodes[Coordinate.parse(coordinate)].module == module


def test_two_workloads_share_a_resource() -> None:
    graph = all_resolved()["shop/staging"].graph
    events = Coordinate("queue", "default", "shared.events")
    assert [str(c) for c, node in graph.nodes.items() if c.type == "workload" and events in node.edges.values()] == [
        "workload.default#orders",
        "workload.default#storefront",
    ]


def test_databases_wait_for_the_backup_that_came_along_with_their_server() -> None:
    graph = all_resolved()["shop/staging"].graph
    backup, server = Coordinate("backup", "default", "main"), Coordinate("postgres-server", "default", "main")
    assert graph.nodes[backup].anonymous == (server,)
    assert graph.nodes[Coordinate("postgres", "default", "workloads.orders.db")].anonymous == (backup,)


def test_production_is_what_staging_is_but_for_its_own_layer() -> None:
    staging, production = (all_resolved()[slug] for slug in ("shop/staging", "shop/production"))
    assert set(staging.manifest.workloads) - set(production.manifest.workloads) == {"load-test"}
    workload = Coordinate("score-workload", "default", "workloads.orders.score-workload")
    images = [found.graph.nodes[workload].params["containers"]["main"]["image"] for found in (staging, production)]
    assert images == ["ghcr.io/acme/orders:1.8.4"] * 2
    database = Coordinate("postgres", "default", "workloads.orders.db")
    assert [found.graph.nodes[database].params.get("size_gb") for found in (staging, production)] == [None, 200]


def test_a_commit_that_changes_one_environment_changes_one_digest() -> None:
    path = "projects/shop/development/environment.yaml"
    changed = (SAMPLE / path).read_text().replace("orders:1.9.0-rc.3", "orders:1.9.0-rc.4")
    after = {slug: found.desired.digest for slug, found in resolved(sample({path: changed}))}
    before = {slug: found.desired.digest for slug, found in all_resolved().items()}
    assert [slug for slug in ENVIRONMENTS if before[slug] != after[slug]] == ["shop/development"]


def test_rendering_is_the_same_in_every_process_and_place(tmp_path: Path) -> None:
    """Another hash seed, another checkout path, files written in another order."""
    other = tmp_path / "another" / "checkout"
    files = sorted((path for path in SAMPLE.rglob("*") if path.is_file()), reverse=True)
    for path in files:
        copy = other / path.relative_to(SAMPLE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    digests = {_digest_elsewhere(folder, seed) for folder, seed in ((SAMPLE, "1"), (other, "2"), (other, "0"))}
    assert digests == {digest(SAMPLE)}


@pytest.mark.engine
@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_every_environment_deploys_and_then_has_nothing_to_do(engine: Engine, tmp_path: Path) -> None:
    for slug, found in resolved(sample({path: _quick(path) for path in SLOW}), engine.kind):
        folder = tmp_path / slug
        _write(folder, bundle(found, engine.kind).files)
        _run(engine, folder, tmp_path / "output", "init")
        _run(engine, folder, tmp_path / "output", "apply", "-auto-approve")
        _run(engine, folder, tmp_path / "output", "plan", "-detailed-exitcode")
    output = tmp_path / "output"
    assert sorted((output / "ledger.txt").read_text().splitlines()) == [
        f"{s} postgres-server main" for s in ENVIRONMENTS
    ]
    _check_compose(output / "shop/production/workloads/orders/compose.yaml")
    _check_secret(output, tmp_path / "shop/production/terraform.tfstate")
    assert (output / "shop/production/postgres/orders_db.sql").read_text().splitlines()[2:4] == [
        "CREATE DATABASE orders_db OWNER orders_db;",
        "COMMENT ON DATABASE orders_db IS 'at most 200 GB';",
    ]
    mounted = (output / "shop/staging/workloads/storefront/files/main/etc-nginx-conf.d-default.conf").read_text()
    assert "server_name www.staging.shop.acme.example;" in mounted
    assert "try_files $uri $uri/ /index.html;" in mounted
    assert json.loads((output / "shop/staging/dashboards/orders.json").read_text()) == {
        "title": "orders",
        "rows": ["Requests", "Errors", "Duration", "Database orders_db"],
    }


def _check_compose(file: Path) -> None:
    service = yaml.safe_load(file.read_text())["services"]["orders-main"]
    assert service["image"] == "ghcr.io/acme/orders:1.8.4"
    assert service["healthcheck"] == {"test": ["CMD", "/app/orders", "--check"]}
    assert [(volume["source"], volume["target"]) for volume in service["volumes"]] == [
        ("shop-production-orders-receipts", "/var/lib/receipts")
    ]


def _check_secret(output: Path, state: Path) -> None:
    """The password is in the state and in the one file that only its owner can read."""
    instances = [resource for resource in json.loads(state.read_text())["resources"] if resource["name"] == "password"]
    password = instances[0]["instances"][0]["attributes"]["output"]["value"]
    holders = [path for path in output.rglob("*") if path.is_file() and password in path.read_text()]
    assert holders == [output / "shop/production/workloads/orders/main.env"]
    assert holders[0].stat().st_mode & 0o777 == 0o600
    assert "PRICE_FORMAT='${amount} EUR'" in holders[0].read_text().splitlines()


def _quick(path: str) -> str:
    text = (SAMPLE / path).read_text()
    assert "seconds: 3" in text
    return text.replace("seconds: 3", "seconds: 0")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _run(engine: Engine, folder: Path, output: Path, *arguments: str) -> None:
    environment = {**os.environ, "SAMPLE_OUTPUT": str(output), "CHECKPOINT_DISABLE": "1"}
    command = (*engine.command, arguments[0], "-no-color", "-input=false", *arguments[1:])
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _digest_elsewhere(folder: Path, seed: str) -> str:
    command = (sys.executable, "-m", "tests.sample_factories", str(folder))
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

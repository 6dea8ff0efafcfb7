"""How long does a page take when there is a long history behind it?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from controller.history import read
from tests.bench import measure
from tests.bench.decision import settled
from tests.bench.measure import Figure
from tests.deploy_factories import World
from webui.app import create_app

DEPLOYMENTS, ENVIRONMENTS, BOUND = 1_000_000, 100, 0.050


def figures(repetitions: int, deployments: int = DEPLOYMENTS) -> Iterator[Figure]:
    """The pages that people open, each as the server makes it; the slowest of them counts."""
    with settled(ENVIRONMENTS) as acme:
        measure.say(f"{deployments:,} deployments are made ")
        lengthen(acme, deployments)
        client = create_app(acme.doors, session_key=b"for the bench only", is_open=True).test_client()
        newest = read.deployments(acme.doors.store, limit=1)[0]
        paths = {
            "environments": "/",
            "an environment": f"/environments/{newest.project}/{newest.environment}",
            "history": "/history",
            "a deployment": f"/deployments/{newest.id}",
            "commits": "/commits",
        }

        def visit(path: str) -> float:
            def get() -> None:
                assert client.get(path).status_code == 200, path

            return measure.seconds(get)

        for path in paths.values():
            visit(path)
        found = measure.in_turns(repetitions * 3, {name: lambda path=path: visit(path) for name, path in paths.items()})
        for name, took in found.items():
            what = f"page `{name}` with {deployments:,} deployments"
            yield Figure(what, measure.shown(took), "", None, f"< {BOUND * 1000:.0f} ms", took < BOUND)


def lengthen(acme: World, deployments: int) -> None:
    """Copy the deployments that there are, again and again: older ones, that ended as these did."""
    path = Path(str(acme.doors.store.engine.url.database))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous = OFF")
        columns = [row[1] for row in database.execute("PRAGMA table_info(deployments)")]
        given = {"number": "d.number - 1000 * n.i", "id": "d.id || '-' || n.i"}
        chosen = ", ".join(given.get(name, f'd."{name}"') for name in columns)
        count = database.execute("SELECT count(*) FROM deployments").fetchone()[0]
        database.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO deployments SELECT {chosen} FROM n, deployments d WHERE d.number > 0",
            (deployments // count,),
        )
    database.close()

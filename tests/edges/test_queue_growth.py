"""What does a long queue cost? PostgreSQL is asked how much it reads, for it plans by what it knows of its tables."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from controller.history import queue
from controller.history.decision import Decided
from tests.databases import only_postgresql
from tests.history_factories import after, decided_on, deployment, watched


@only_postgresql
def test_what_is_asked_many_times_a_second_grows_with_what_is_queued_and_no_faster(tmp_path: Path) -> None:
    """Also before PostgreSQL has looked at what a push has opened: by itself it does so once a minute."""
    with watched(tmp_path) as store:

        def read_blocks() -> int:
            with store.engine.connect() as connection:
                given = {"at": after(10), "far": after(20), "batch": 5}
                statement = queue._next().params(**given).compile(store.engine, compile_kwargs={"literal_binds": True})
                query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
                (plan,) = connection.exec_driver_sql(query.replace("%", "%%")).scalar_one()
                return int(plan["Plan"]["Shared Hit Blocks"])

        def open_until(many: int, since: int = 0) -> None:
            names = [f"e{number}" for number in range(since, many)]
            opening = [deployment(f"u-{name}", environment=name) for name in names]
            new = [Decided(one.environment_uuid, "shop", one.environment, None, "t", opening=one) for one in opening]
            assert decided_on(store, new, at=many, projects={"shop": "Shop"})

        with store.writing() as session:
            session.execute(sa.text("ALTER TABLE deployments SET (autovacuum_enabled = false)"))
        open_until(100)
        few = read_blocks()
        open_until(300, 100)
        assert read_blocks() < few * 4

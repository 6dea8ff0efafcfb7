"""What does a deployment cost beyond what its engine does? Against `init`, `plan` and `apply` typed by hand."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from controller.model.deployment import EngineKind
from controller.pipeline import Resolved
from controller.runner.protocol import Ended, Engine
from tests import runner_factories
from tests.bench import measure
from tests.bench.measure import Figure
from tests.runner_factories import Bench, engines
from tests.sample_factories import SAMPLE, bundle, resolved, sample

COLD, WARM, EMBEDDED = 1.2, 0.8, 0.5
_SLOW = ("platform/modules/postgres-server/module.yaml", "platform/modules/postgres-server-ha.yaml")
_IMAGES = "projects/{}/environment.yaml"


def figures(repetitions: int) -> Iterator[Figure]:
    """The sample's largest environment, on every engine: for the first time, and with a change in a warm directory."""
    for engine in engines():
        measure.say(f"{engine} ")
        found = _measured(engine, repetitions)
        for state, bound in (("cold", COLD), ("warm", WARM)):
            ours, by_hand = found[f"{state} ours"], found[f"{state} by hand"]
            what = f"{engine.name} {engine.version}, {state}"
            if engine.name == "embedded":
                extra = ours - by_hand
                holds = extra <= EMBEDDED
                text = f"by hand {measure.shown(by_hand)}, {extra:+.2f} s"
                yield Figure(what, measure.shown(ours), text, ours / by_hand, f"≤ +{EMBEDDED} s", holds)
            else:
                yield measure.ratio(what, ours, "by hand", by_hand, bound)


def largest(engine: EngineKind, image: str = "") -> tuple[str, Resolved]:
    """The environment with the most resources, by its slug; `image` changes what one of its workloads runs."""
    changes = {path: _text(path).replace("seconds: 3", "seconds: 0") for path in _SLOW}
    slug = max(resolved(sample(changes), engine), key=lambda found: (len(found[1].graph.nodes), found[0]))[0]
    path = _IMAGES.format(slug)
    changes[path] = _text(path).replace("acme/storefront:", f"acme/storefront:{image}") if image else _text(path)
    return slug, dict(resolved(sample(changes), engine))[slug]


def _text(path: str) -> str:
    return (SAMPLE / path).read_text()


def _measured(engine: Engine, repetitions: int) -> dict[str, float]:
    bundles = [bundle(largest(engine.kind, image)[1], engine.kind).files for image in ("", "new-")]
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        ours, by_hand = _Ours(engine, Path(folder) / "ours"), _ByHand(engine, Path(folder) / "hand")
        try:
            # The first run of a program comes from the disk, for whoever is first.
            subprocess.run((*engine.command, "version"), check=True, capture_output=True)
            return measure.in_turns(
                repetitions,
                {
                    "cold by hand": lambda: by_hand.cold(bundles[0]),
                    "cold ours": lambda: ours.cold(bundles[0]),
                    "warm by hand": lambda: by_hand.warm(bundles[1]),
                    "warm ours": lambda: ours.warm(bundles[1]),
                },
            )
        finally:
            ours.close()


@dataclass
class _Ours:
    """Supervisors, as the controller starts them."""

    engine: Engine
    folder: Path
    count: int = 0
    made: list[Bench] = field(default_factory=list)

    def cold(self, files: Mapping[str, bytes]) -> float:
        self.count += 1
        bench = Bench(self.folder / str(self.count), self.engine)
        bench.environment["SAMPLE_OUTPUT"] = str(bench.base / "output")
        self.made.append(bench)
        return self._deploy(files, "first")

    def warm(self, files: Mapping[str, bytes]) -> float:
        return self._deploy(files, "second")

    def _deploy(self, files: Mapping[str, bytes], name: str) -> float:
        bench = self.made[-1]
        took = measure.seconds(lambda: bench.deploy(files, name))
        seen = runner_factories.local.observe(bench.directory)
        assert seen.apply_result is not None
        assert seen.apply_result.status is Ended.SUCCEEDED, seen.apply_result
        return took

    def close(self) -> None:
        for bench in self.made:
            bench.close()


@dataclass
class _ByHand:
    """Somebody at a terminal who types fast."""

    engine: Engine
    folder: Path
    count: int = 0

    @property
    def here(self) -> Path:
        return self.folder / str(self.count)

    def cold(self, files: Mapping[str, bytes]) -> float:
        self.count += 1
        return self.warm(files)

    def warm(self, files: Mapping[str, bytes]) -> float:
        for path, content in files.items():
            (self.here / path).parent.mkdir(parents=True, exist_ok=True)
            (self.here / path).write_bytes(content)
        return measure.seconds(self._typed)

    def _typed(self) -> None:
        self._run("init", f"-backend-config=path={self.here / 'terraform.tfstate'}")
        self._run("plan", "-out=plan.bin")
        self._run("apply", "plan.bin")

    def _run(self, step: str, *arguments: str) -> None:
        environment = {**os.environ, "SAMPLE_OUTPUT": str(self.here / "output"), "CHECKPOINT_DISABLE": "1"}
        command = (*self.engine.command, step, "-input=false", "-no-color", *arguments)
        done = subprocess.run(command, cwd=self.here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

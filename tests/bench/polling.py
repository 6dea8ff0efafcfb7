"""What does it cost to ask a remote whether anything has moved? Over https on this machine, against `git ls-remote`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from controller.git.mirror import Mirror
from tests import git_factories, tls_factories
from tests.bench import measure
from tests.bench.measure import Figure
from tests.git_server import git_server

BOUND = 1.3


def figures(repetitions: int) -> Iterator[Figure]:
    """One listing of the refs of a repository that has not moved since the last one."""
    measure.say("polls ")
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        here = Path(folder)
        certificate = here / tls_factories.CERTIFICATE
        repo = git_factories.repository(here / "served" / "acme.git")
        git_factories.commit(repo, {"README.md": "Hello"})
        tls = tls_factories.self_signed(here)
        with tls_factories.trusted(here), git_server(here / "served", tls=tls) as server:
            url = server.url("acme.git")
            mirror = Mirror(here / "mirror.git", url)
            mirror.fetch()
            environment = {**os.environ, "GIT_SSL_CAINFO": str(certificate), "GIT_CONFIG_GLOBAL": os.devnull}
            listing = ("git", "ls-remote", url, "refs/heads/main")

            def by_hand() -> None:
                subprocess.run(listing, env=environment, check=True, capture_output=True)

            acts = {"ours": lambda: measure.seconds(mirror.heads), "by hand": lambda: measure.seconds(by_hand)}
            found = measure.in_turns(repetitions * 3, acts)
    yield measure.ratio("poll of an unmoved repository", found["ours"], "git ls-remote", found["by hand"], BOUND)

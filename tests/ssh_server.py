"""A real SSH server on 127.0.0.1 that runs `git upload-pack` for one user."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh


def private_key() -> str:
    """A key that no server knows."""
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


class SshServer:
    """The server's own key, and the key of the one user that it knows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.user = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = self.user.export_private_key().decode()
        self.port = 0

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.key.export_public_key().decode()}"

    def url(self, name: str) -> str:
        return f"ssh://git@127.0.0.1:{self.port}/{name}"

    async def run(self, ready: threading.Event, done: asyncio.Event) -> None:
        server = await asyncssh.create_server(
            asyncssh.SSHServer,
            "127.0.0.1",
            0,
            server_host_keys=[self.key],
            authorized_client_keys=asyncssh.import_authorized_keys(self.user.export_public_key().decode()),
            process_factory=self._upload_pack,
            encoding=None,
        )
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await done.wait()
        server.close()
        await server.wait_closed()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _upload_pack(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        path = self.root / (process.command or "").partition("'")[2].strip("'/")
        pipe = asyncio.subprocess.PIPE
        git = await asyncio.create_subprocess_exec(
            "git", "upload-pack", str(path), stdin=pipe, stdout=pipe, stderr=pipe
        )
        assert git.stdin is not None
        assert git.stdout is not None
        assert git.stderr is not None
        copying = asyncio.ensure_future(_copy(process.stdin, git.stdin))
        while data := await git.stdout.read(65536):
            process.stdout.write(data)
        process.stderr.write(await git.stderr.read())
        copying.cancel()
        git.stdin.close()
        process.exit(await git.wait())


@contextmanager
def ssh_server(root: Path) -> Iterator[SshServer]:
    """Serve the repositories below `root`."""
    server = SshServer(root)
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await server.run(ready, done)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join()


async def _copy(source: asyncssh.SSHReader[bytes], target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()

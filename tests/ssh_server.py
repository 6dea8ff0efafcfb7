"""A real SSH server on 127.0.0.1 that runs `git upload-pack` for one user."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh


def private_key() -> str:
    """A key that no server knows."""
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


@dataclass(frozen=True)
class Cut:
    """Git's own answer, but only this many bytes of it; then the end, or silence for ever."""

    after: int
    hangs: bool


@dataclass(frozen=True)
class Said:
    """What is said instead of Git's own answer."""

    out: bytes = b""
    error: bytes = b""
    code: int = 0


class _Passwords(asyncssh.SSHServer):
    """Takes passwords, and no keys."""

    def public_key_auth_supported(self) -> bool:
        return False

    def password_auth_supported(self) -> bool:
        return True


class SshServer:
    """The server's own key, and the key of the one user that it knows. `fault` may be exchanged at any time."""

    def __init__(self, root: Path, takes_keys: bool = True) -> None:
        self.takes_keys = takes_keys
        self.root = root
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.user = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = self.user.export_private_key().decode()
        self.port = 0
        self.fault: Cut | Said | None = None
        self.ended = asyncio.Event()

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.key.export_public_key().decode()}"

    def url(self, name: str) -> str:
        return f"ssh://git@127.0.0.1:{self.port}/{name}"

    async def run(self, ready: threading.Event, done: asyncio.Event) -> None:
        known = asyncssh.import_authorized_keys(self.user.export_public_key().decode())
        server = await asyncssh.create_server(
            asyncssh.SSHServer if self.takes_keys else _Passwords,
            "127.0.0.1",
            0,
            server_host_keys=[self.key],
            authorized_client_keys=known if self.takes_keys else None,
            process_factory=self._upload_pack,
            encoding=None,
        )
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await done.wait()
        self.ended.set()
        server.close()
        await server.wait_closed()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _upload_pack(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        fault = self.fault
        if isinstance(fault, Said):
            process.stdout.write(fault.out)
            process.stderr.write(fault.error)
            process.exit(fault.code)
            return
        left = fault.after if fault else None
        path = self.root / (process.command or "").partition("'")[2].strip("'/")
        pipe = asyncio.subprocess.PIPE
        git = await asyncio.create_subprocess_exec(
            "git", "upload-pack", str(path), stdin=pipe, stdout=pipe, stderr=pipe
        )
        assert git.stdin is not None
        assert git.stdout is not None
        assert git.stderr is not None
        copying = asyncio.ensure_future(_copy(process.stdin, git.stdin))
        while data := await git.stdout.read(65536 if left is None else min(left, 65536)):
            process.stdout.write(data)
            left = None if left is None else left - len(data)
        if fault and fault.hangs:
            await self.ended.wait()
        if fault:
            with contextlib.suppress(ProcessLookupError):
                git.kill()
        process.stderr.write(await git.stderr.read())
        copying.cancel()
        git.stdin.close()
        process.exit(await git.wait())


@contextmanager
def ssh_server(root: Path, *, takes_keys: bool = True) -> Iterator[SshServer]:
    """Serve the repositories below `root`."""
    server = SshServer(root, takes_keys)
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
    with contextlib.suppress(ConnectionError):  # Git may be gone
        while data := await source.read(65536):
            target.write(data)
            await target.drain()

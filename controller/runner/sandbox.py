"""What can an engine see and touch in its sandbox? The system, the folders of its own run, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.errors import NotAllowedError, NotFoundError
from controller.runner import durable, protocol
from controller.runner.protocol import Engine, Job, Sandbox

PROGRAM = "bwrap"
TMP = "/tmp"  # noqa: S108 - a folder of the run's own lies there

# What programs of the system need. Nothing of /run, where sockets are that open doors, of /home, /root and /var.
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/var/lib/ca-certificates",
)  # fmt: skip
_OUT = "-out"
_OWN_SETTINGS = Path("/etc/lockstep")
_RESOLVER = "/etc/resolv.conf"  # often a link to somewhere in /run
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROBE_SECONDS = 60
_REMEDY = "allow unprivileged user namespaces on this machine or in this container, or choose `sandbox: none`"


@dataclass(frozen=True, slots=True)
class Places:
    """What one step needs besides the system, under the names that it has outside."""

    workdir: Path
    tmp: Path  # appears as /tmp
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()


def made(
    engine: Engine, hidden: Iterable[Path], paths: Iterable[Path], environ: Mapping[str, str] = os.environ
) -> Sandbox:
    """A sandbox in which this engine runs, as was tried; NotFoundError or NotAllowedError say why there is none.

    `hidden` are folders and files with secrets, `paths` those that the operator wants engines to see.
    """
    program = shutil.which(PROGRAM, path=environ.get("PATH", os.defpath))
    if program is None:
        raise NotFoundError(
            f"sandbox: there is no `{PROGRAM}` on the PATH; install the package `bubblewrap`, or choose `sandbox: none`"
        )
    certificates = [environ[name] for name in _CERTIFICATES if name in environ]
    visible = _outermost([*_SYSTEM, *_programs(engine), *_links(_RESOLVER), *certificates])
    # A link to a secret is no secret: what it leads to is.
    secret = sorted({os.path.realpath(path) for path in (_OWN_SETTINGS, *hidden)})
    found = Sandbox(os.path.abspath(program), visible, tuple(secret), tuple(str(path) for path in paths))
    _try_out(found, engine, environ)
    return found


def command(sandbox: Sandbox, places: Places, inner: Sequence[str]) -> tuple[str, ...]:
    """The argument list that runs `inner` in the sandbox. Its environment is the one that this is started with.

    Not `--die-with-parent`: an engine outlives its supervisor. Not `--new-session`: there is no terminal to guard, and
    everything in the sandbox is to be found by the session that it belongs to.
    """
    words = [sandbox.program, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"]
    words += ["--bind", str(places.tmp), TMP]
    for path in sandbox.visible:
        words += ["--ro-bind-try", path, path]
    # As root the kernel's settings could be written otherwise, and so the host be taken.
    words += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    for path in sandbox.hidden:
        # A folder is empty, a file a device that cannot be opened; what is not there needs no hiding.
        if os.path.isdir(path):
            words += ["--tmpfs", path]
        elif os.path.exists(path):
            words += ["--ro-bind", os.devnull, path]
    for path in sandbox.paths:
        words += ["--ro-bind-try", path, path]
    for place in places.readable:
        words += ["--ro-bind-try", str(place), str(place)]
    for place in places.writable:
        words += ["--bind", str(place), str(place)]
    # Only now, for folders to mount on had to be made in there.
    for path in ("/", *filter(os.path.isdir, sandbox.hidden)):
        words += ["--remount-ro", path]
    return (*words, "--chdir", str(places.workdir), "--", *inner)


def places(directory: Path, job: Job, workdir: Path, arguments: Sequence[str]) -> Places:
    """What a step of a run needs. Of the run directory only what its arguments name is seen, of other runs nothing.

    Only init, which runs nobody's code, writes to the plugin cache that all environments share; only plan writes the
    plan; and a plan that nothing follows writes no state.
    """
    writable = [directory / protocol.HOME, workdir]
    readable: list[Path] = []
    if job.plugin_cache:
        (writable if arguments[0] == "init" else readable).append(Path(job.plugin_cache))
    for option, path in _named(directory, arguments):
        if option == _OUT:
            path.touch(durable.PRIVATE_FILE)  # a file is mounted on a file
        (writable if option == _OUT else readable).append(path)
    if job.state and Path(job.state).parent == directory:
        readable.append(Path(job.state))
    elif job.state:
        (readable if job.private else writable).append(Path(job.state).parent)
    return Places(workdir, directory / protocol.TMP, tuple(writable), tuple(readable))


def _named(directory: Path, arguments: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Options and paths of the run directory among arguments such as `-out=PATH` and `PATH`."""
    for word in arguments:
        option, _, path = word.rpartition("=")
        if path.startswith(f"{directory}/"):
            yield option, Path(path)


def version(program: str) -> str:
    """`bubblewrap 0.8.0`."""
    done = subprocess.run((program, "--version"), capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS)
    return done.stdout.strip()


def _programs(engine: Engine) -> Iterator[str]:
    """Where the engine lies, and where the Python does that an embedded one needs."""
    for word in engine.command:
        if os.path.isabs(word):
            yield from _links(word)
    if engine.command[0] == sys.executable:
        yield from (sys.prefix, sys.base_prefix)


def _links(path: str) -> Iterator[str]:
    """A path, and what it leads to, from link to link."""
    yield path
    while os.path.islink(path):
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
        yield path


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Those that lie below no other one, in order."""
    unique = list(dict.fromkeys(paths))
    return tuple(path for path in unique if not any(path.startswith(f"{other.rstrip('/')}/") for other in unique))


def _try_out(sandbox: Sandbox, engine: Engine, environ: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="lockstep-sandbox-") as folder:
        places = Places(Path(TMP), Path(folder))
        try:
            done = subprocess.run(
                command(sandbox, places, (*engine.command, "version")),
                capture_output=True,
                text=True,
                check=False,
                timeout=_PROBE_SECONDS,
                stdin=subprocess.DEVNULL,
                env={"PATH": environ.get("PATH", os.defpath), "HOME": TMP, "CHECKPOINT_DISABLE": "1"},
            )
        except (OSError, subprocess.TimeoutExpired) as e:
            raise NotAllowedError(f"sandbox: {sandbox.program} does not run ({e}); {_REMEDY}") from e
    if done.returncode == 0:
        return
    said = (done.stderr.strip() or done.stdout.strip() or f"it exited with {done.returncode}").splitlines()[-1]
    if said.startswith(f"{PROGRAM}:") and "execvp" not in said:
        raise NotAllowedError(f"sandbox: bubblewrap does not work here ({said}); {_REMEDY}")
    raise NotAllowedError(
        f"sandbox: {engine} does not run in it ({said}); "
        "name what it needs in `sandbox_paths`, or choose `sandbox: none`"
    )

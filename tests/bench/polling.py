"""What does it cost to ask a remote whether anything has moved? Over https on this machine, against `git ls-remote`."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pygit2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from controller.git.mirror import Mirror
from tests import git_factories
from tests.bench import measure
from tests.bench.measure import Figure
from tests.git_server import git_server

BOUND = 1.3


def figures(repetitions: int) -> Iterator[Figure]:
    """One listing of the refs of a repository that has not moved since the last one."""
    measure.say("polls ")
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        here = Path(folder)
        certificate = here / "server.pem"
        repo = git_factories.repository(here / "served" / "acme.git")
        git_factories.commit(repo, {"README.md": "Hello"})
        _certify(here)
        pygit2.settings.set_ssl_cert_locations(str(certificate), None)
        with git_server(here / "served", tls=_context(here)) as server:
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


def _certify(folder: Path) -> None:
    """Make a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36_500))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*plain))


def _context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "key.pem")
    return context

"""A server on 127.0.0.1 whose certificate signed itself, and trust in it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pygit2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CERTIFICATE = "server.pem"


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1, which lies in the folder as `server.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    # What was trusted once stays so for libgit2, and of two certificates of one name it tries the first alone.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"127.0.0.1 {x509.random_serial_number()}"[:64])])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), begin, begin + timedelta(36500)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / CERTIFICATE, folder / "key.pem")
    return tls


@contextmanager
def trusted(folder: Path) -> Iterator[None]:
    """Trust in the certificate that was made in the folder, and in no other."""
    before = pygit2.settings.ssl_cert_file, pygit2.settings.ssl_cert_dir
    pygit2.settings.set_ssl_cert_locations(str(folder / CERTIFICATE), None)
    try:
        yield
    finally:
        pygit2.settings.set_ssl_cert_locations(*before)

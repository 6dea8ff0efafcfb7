"""Encrypts to keys that Lockstep, `age-keygen` and `ssh-keygen` make, and opens with them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pyrage
import pytest

from controller.errors import ConflictError
from controller.secrets import age

FORMS = "give `age1…`, `ssh-ed25519 …` or `ssh-rsa …`; `lockstep key generate` makes a pair"


def ssh_key(folder: Path, kind: str, *, passphrase: str = "") -> tuple[str, str]:
    """Private and public half."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("the program `ssh-keygen` is not installed")
    path = folder / kind
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "somebody@example", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path.read_text(), path.with_name(f"{kind}.pub").read_text()


def test_a_message_opens_with_the_key_it_is_for() -> None:
    identity = age.generate()

    assert age.decrypt(age.encrypt(b"hello", [identity.recipient]), identity.secret.reveal()) == b"hello"


def test_each_of_several_recipients_can_open_a_message(tmp_path: Path) -> None:
    one, two = age.generate(), age.generate()
    ed25519, rsa = ssh_key(tmp_path, "ed25519"), ssh_key(tmp_path, "rsa")
    message = age.encrypt(b"hello", [one.recipient, two.recipient, ed25519[1], rsa[1]])

    for private in (one.secret.reveal(), two.secret.reveal(), ed25519[0], rsa[0]):
        assert age.decrypt(message, private) == b"hello"


def test_a_file_of_keys_opens_what_any_of_them_can() -> None:
    one, two = age.generate(), age.generate()
    file = f"# created: today\n# public key: {one.recipient}\n{one.secret.reveal()}\n\n{two.secret.reveal()}\n"

    assert age.decrypt(age.encrypt(b"hello", [two.recipient]), file) == b"hello"


def test_an_identity_is_read_back_from_its_private_half() -> None:
    made = age.generate()

    assert age.identity(f"# a comment\n{made.secret.reveal()}\n") == made
    with pytest.raises(ConflictError) as e:
        age.identity(made.secret.reveal() + "\n" + age.generate().secret.reveal())
    assert str(e.value) == "private key: exactly one line `AGE-SECRET-KEY-1…` is needed; give the file of one key"


def test_an_identity_does_not_show_its_private_half() -> None:
    identity = age.generate()

    assert identity.secret.reveal() not in f"{identity} {identity!r}"


def test_an_armoured_message_opens_as_well() -> None:
    identity = age.generate()
    armoured = pyrage.encrypt(b"hello", [pyrage.x25519.Recipient.from_str(identity.recipient)], armored=True)

    assert age.decrypt(armoured, identity.secret.reveal()) == b"hello"


@pytest.mark.parametrize("text", ["bananas", "age1qqq", "ssh-ed25519 AAAA", "ssh-rsa", ""])
def test_a_recipient_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConflictError) as e:
        age.check_recipient(text)

    assert str(e.value) == f"recipient `{text}`: age cannot encrypt to it; {FORMS}"


def test_a_private_key_given_as_recipient_is_not_repeated() -> None:
    secret = age.generate().secret.reveal()
    with pytest.raises(ConflictError) as e:
        age.check_recipient(secret.lower())

    assert str(e.value) == f"recipient: this is a private key; it should be kept secret, {FORMS}"


def test_a_message_for_nobody_is_not_written() -> None:
    with pytest.raises(ConflictError) as e:
        age.encrypt(b"hello", [])

    assert str(e.value) == f"recipients: there is none, so nobody could read it; {FORMS}"


def test_the_wrong_key_is_told_from_a_broken_message() -> None:
    identity = age.generate()
    message = age.encrypt(b"hello", [identity.recipient])

    with pytest.raises(ConflictError) as e:
        age.decrypt(message, age.generate().secret.reveal())
    assert str(e.value) == "private key: it does not fit this message; give the key of one of its recipients"
    with pytest.raises(ConflictError) as e:
        age.decrypt(message[:-1], identity.secret.reveal())
    assert str(e.value) == ("message: it cannot be opened (decryption error); fetch it again, it may be cut or altered")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "there is none; give a line `AGE-SECRET-KEY-1…` or an OpenSSH private key", id="nothing"),
        pytest.param(
            "# a comment", "there is none; give a line `AGE-SECRET-KEY-1…` or an OpenSSH private key", id="comment"
        ),
        pytest.param("x", "it cannot be read; give a line `AGE-SECRET-KEY-1…` or an OpenSSH private key", id="garbage"),
        pytest.param(
            "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n",
            "this OpenSSH key cannot be read; give an ed25519 or RSA key without a passphrase",
            id="openssh",
        ),
    ],
)
def test_a_private_key_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConflictError) as e:
        age.decrypt(b"", text)

    assert str(e.value) == f"private key: {message}"


def test_an_ssh_key_with_a_passphrase_is_refused(tmp_path: Path) -> None:
    private, public = ssh_key(tmp_path, "ed25519", passphrase="a passphrase")
    with pytest.raises(ConflictError) as e:
        age.decrypt(age.encrypt(b"hello", [public]), private)

    assert str(e.value) == (
        "private key: this OpenSSH key cannot be read; give an ed25519 or RSA key without a passphrase"
    )


def test_the_program_age_reads_what_we_write_and_we_what_it_writes(tmp_path: Path) -> None:
    if shutil.which("age") is None:
        pytest.skip("the program `age` is not installed")
    identity = age.generate()
    key, ours, theirs = tmp_path / "key", tmp_path / "ours", tmp_path / "theirs"
    key.write_text(identity.secret.reveal())
    ours.write_bytes(age.encrypt(b"hello", [identity.recipient]))
    opened = subprocess.run(["age", "-d", "-i", str(key), str(ours)], capture_output=True, check=True)
    command = ["age", "-r", identity.recipient, "-o", str(theirs)]
    subprocess.run(command, input=b"hello", capture_output=True, check=True)

    assert opened.stdout == b"hello"
    assert age.decrypt(theirs.read_bytes(), identity.secret.reveal()) == b"hello"

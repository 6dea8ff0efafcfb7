"""Are logs and outputs read with the right key, and with no other?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cli
from cli import decrypt
from controller.secrets import age
from tests import webui_factories as make
from tests.webui_factories import World


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch):
    monkeypatch.setattr(decrypt, "_EVERY", 0.01)


def _key(world: World) -> str:
    return world.log_key.secret.reveal()


def test_a_recipient_reads_the_log(capsys, shop: World, tmp_path: Path):
    file = tmp_path / "key.txt"
    file.write_text(f"# public key: {shop.log_key.recipient}\n{_key(shop)}\n")
    assert cli.main(["logs", make.newest(shop), "--key-file", str(file)]) == 0
    assert capsys.readouterr() == ("init\napply\n", "")


def test_the_configured_key_is_used_where_none_is_given(capsys, shop: World, tmp_path: Path, monkeypatch):
    file = tmp_path / "key.txt"
    file.write_text(_key(shop))
    monkeypatch.setenv("LOCKSTEP_KEY_FILE", str(file))
    assert cli.main(["logs", make.newest(shop)[:8]]) == 0
    assert capsys.readouterr().out == "init\napply\n"


def test_without_a_key_one_is_told_how_to_give_it(capsys, shop: World):
    id = make.newest(shop)
    assert cli.main(["logs", id]) == 2
    assert capsys.readouterr().err == (
        f"no key was given; give `lockstep logs {id} --key KEY`, or --key-file FILE with a recipient's key\n"
    )


def test_a_key_of_somebody_else_opens_nothing(capsys, shop: World):
    assert cli.main(["logs", make.newest(shop), "--key", age.generate().secret.reveal()]) == 3
    assert capsys.readouterr() == (
        "",
        "private key: it does not fit this message; give the key of one of its recipients\n",
    )


def test_the_key_never_leaves(shop: World, monkeypatch):
    import httpx

    sent: list[bytes] = []
    send = httpx.Client.send

    def heard(self: httpx.Client, request: httpx.Request, **how: object) -> httpx.Response:
        sent.append(bytes(request.url) if isinstance(request.url, bytes) else str(request.url).encode())
        sent.append(repr(request.headers.raw).encode() + request.content)
        return send(self, request, **how)

    monkeypatch.setattr(httpx.Client, "send", heard)
    cli.main(["logs", make.newest(shop), "--key", _key(shop)])
    cli.main(["outputs", make.newest(shop), "--key", _key(shop)])
    assert len(sent) == 6
    assert _key(shop).encode() not in b"".join(sent)


def test_a_log_that_was_cut_is_refused(capsys, server: World):
    of = make.commit("Add the shop")
    make.decided(server, [of], [make.wants(server, "shop/development", of)])
    id = make.newest(server)
    make.planned(server, id, make.summary())
    chunk = make.age.encrypt(make.logs.write_chunk(id, 1, "init\n"), [server.log_key.recipient])
    make.record.progressed(server.store, id, (), [(1, chunk)])
    make.ended(server, id)
    assert cli.main(["logs", id, "--key", _key(server)]) == 3
    assert capsys.readouterr().err == f"log of {id}: its end is missing; it is still being written, or it was cut\n"


def test_a_log_that_is_still_written_is_printed_as_far_as_it_is(capsys, server: World):
    of = make.commit("Add the shop")
    make.decided(server, [of], [make.wants(server, "shop/development", of)])
    id = make.newest(server)
    assert cli.main(["logs", id, "--key", _key(server)]) == 6
    assert capsys.readouterr().err == (
        f"deployment `{id}` has no log; nothing was written yet, give --follow to wait for it\n"
    )
    chunk = make.age.encrypt(make.logs.write_chunk(id, 1, "init\n"), [server.log_key.recipient])
    make.record.progressed(server.store, id, (), [(1, chunk)])
    assert cli.main(["logs", id, "--key", _key(server)]) == 0
    assert capsys.readouterr().out == "init\n"


def test_a_log_is_followed_to_its_end(capsys, server: World):
    import threading
    import time

    of = make.commit("Add the shop")
    make.decided(server, [of], [make.wants(server, "shop/development", of)])
    id = make.newest(server)

    def write() -> None:
        for number, text in enumerate(["one\n", "two\n", "three\n"], 1):
            time.sleep(0.1)
            plain = make.logs.write_chunk(id, number, text, end=number == 3)
            chunk = (number, make.age.encrypt(plain, [server.log_key.recipient]))
            make.record.progressed(server.store, id, (), [chunk])

    thread = threading.Thread(target=write)
    thread.start()
    assert cli.main(["logs", id, "--key", _key(server), "--follow"]) == 0
    thread.join()
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


def test_a_deployment_without_log_says_why(capsys, shop: World):
    id = make.by_person(shop, "shop/development", "grace", keys=False)
    assert cli.main(["logs", id, "--key", "x"]) == 6
    assert capsys.readouterr().err == f"deployment `{id}` has no log; nobody was named to read it when it was started\n"


def test_outputs_are_decrypted_here(capsys, shop: World):
    assert cli.main(["outputs", make.newest(shop), "--key", _key(shop)]) == 0
    assert json.loads(capsys.readouterr().out) == {"api": {"URL": "pg://x"}}


def test_two_keys_are_one_too_many(capsys, shop: World, tmp_path: Path):
    (tmp_path / "k").write_text("x")
    assert cli.main(["logs", "x", "--key", "y", "--key-file", str(tmp_path / "k")]) == 2
    assert capsys.readouterr().err == "--key and --key-file were both given; give one of them\n"

"""STARTTLS, implicit TLS, and what becomes of certificates."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest

from gatepost.relay.reception import ListenerStatus, tls
from tests.support.certificates import issued

from .support import LOOPBACK, Peer, configuration, site, trusting_context

MESSAGE = b"Subject: x\r\n\r\n.\r\n"


def secured(mode: str, **listener: Any) -> dict[str, Any]:
    pair = issued()
    return {"tls": mode, "certificate_file": str(pair.certificate_file), "key_file": str(pair.key_file)} | listener


async def test_starttls_begins_anew_and_the_trace_says_so() -> None:
    async with site(configuration(secured("starttls"))) as here:
        peer = await here.connect()
        assert "250-STARTTLS" in await peer.greet()
        await peer.begin()
        await peer.start_tls()
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("503 ")
        assert "STARTTLS" not in await peer.say("EHLO again.example.com")
        assert (await peer.say("STARTTLS")).startswith("503 ")
        await peer.begin()
        assert (await peer.data(MESSAGE)).startswith("250 ")
        (message,) = here.messages
        assert message.envelope.origin.protocol == "ESMTPS"
        assert message.envelope.origin.tls.startswith("TLSv1.3 ")
        assert b"with ESMTPS id 000001\r\n\t(using TLSv1.3 " in message.content


@pytest.mark.parametrize("injected", [b"MAIL FROM:<evil@example.com>\r\n", b"RSET\r\nNOOP\r\n", b"\x16"])
async def test_what_came_in_clear_before_the_handshake_is_dropped(injected: bytes) -> None:
    async with site(configuration(secured("starttls"))) as here:
        peer = await here.session()
        peer.send(b"STARTTLS\r\n" + injected)
        assert (await peer.reply()).startswith("220 ")
        await peer.writer.start_tls(trusting_context(), server_hostname="localhost")
        assert (await peer.say("EHLO c.example")).startswith("250-mx.gatepost.example\n")
        assert (await peer.say("RCPT TO:<b@example.org>")).startswith("503 ")


async def test_octets_in_clear_during_the_handshake_break_it() -> None:
    async with site(configuration(secured("starttls"))) as here:
        peer = await here.session()
        assert (await peer.say("STARTTLS")).startswith("220 ")
        peer.send(b"EHLO in-clear.example.com\r\n")
        assert b"250" not in await peer.reader.read()
        await here.settle()
        assert here.refused("tls-handshake") == 1
        assert here.reception._gate.open == 0


async def test_required_starttls_lets_nothing_else_through() -> None:
    async with site(configuration(secured("starttls-required"), trusted_networks=LOOPBACK)) as here:
        peer = await here.session()
        for command in ("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>", "AUTH PLAIN", "VRFY x", "BDAT 1"):
            assert (await peer.say(command)).startswith("530 5.7.0 "), command
        assert (await peer.say("NOOP")).startswith("250 ")
        await peer.start_tls()
        await peer.say("EHLO c.example")
        await peer.begin()


async def test_implicit_tls_speaks_nothing_in_clear_and_carries_a_large_message(tmp_path: Path) -> None:
    async with site(configuration(secured("tls")), tmp_path) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port, ssl=trusting_context())
        peer = Peer(reader, writer)
        assert "STARTTLS" not in await peer.greet()
        await peer.begin()
        assert (await peer.data(b"S: x\r\n\r\n" + b"line\r\n" * 200_000 + b".\r\n")).startswith("250 ")
        assert here.messages[0].envelope.origin.protocol == "ESMTPS"
        await peer.close()
        clear = await here.connect()
        clear.send(b"EHLO x\r\n")
        assert b"220" not in await clear.reader.read()
        await here.settle()


async def test_old_tls_versions_are_refused() -> None:
    async with site(configuration(secured("tls"))) as here:
        old = trusting_context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", here.port, ssl=old)


async def test_a_stalled_handshake_ends_in_time() -> None:
    async with site(configuration(secured("tls"))) as here:
        peer = await here.connect()
        async with asyncio.timeout(5):
            while not here.endpoint.sessions:
                await asyncio.sleep(0.002)
        here.later(61)
        assert await peer.is_closed()
        await here.settle()


async def test_tls_on_a_plain_port_is_answered_in_words() -> None:
    async with site() as here:
        peer = await here.connect()
        await peer.reply()
        peer.send(b"\x16\x03\x01\x02\x00\x01\x00\n")
        assert (await peer.reply()).startswith("554 ")
        assert here.refused("tls-in-clear") == 1


async def test_a_self_signed_pair_is_made_kept_private_and_kept(tmp_path: Path) -> None:
    config = configuration({"tls": "starttls"})
    seen = []
    for _ in range(2):
        async with site(config, tls_folder=tmp_path / "tls") as here:
            peer = await here.session()
            connection = await peer.start_tls()
            seen.append(connection.getpeercert(binary_form=True))
    assert seen[0] == seen[1]
    assert stat.S_IMODE((tmp_path / "tls" / "self-signed.key").stat().st_mode) == 0o600
    assert await asyncio.to_thread(tls.self_signed, tmp_path / "tls", "other.example")
    assert (tmp_path / "tls" / "self-signed.pem").read_bytes() != b""


def copy_pair(folder: Path, **options: bool) -> dict[str, Any]:
    pair = issued(**options)
    for source, name in ((pair.certificate_file, "server.pem"), (pair.key_file, "server.key")):
        (folder / name).write_bytes(source.read_bytes())
    return {"tls": "starttls", "certificate_file": str(folder / "server.pem"), "key_file": str(folder / "server.key")}


async def test_a_renewed_certificate_is_used_after_apply_and_a_broken_one_is_not(tmp_path: Path) -> None:
    config = configuration(copy_pair(tmp_path))
    async with site(config) as here:

        async def shown() -> bytes | None:
            peer = await here.session()
            return (await peer.start_tls()).getpeercert(binary_form=True)

        first = await shown()
        copy_pair(tmp_path, expired=True)
        await here.reception.apply(config)
        second = await shown()
        assert first != second
        (tmp_path / "server.key").write_text("no key")
        os.utime(tmp_path / "server.key", (1, 1))
        await here.reception.apply(config)
        assert await shown() == second
        (state,) = here.reception.listeners()
        assert state.state is ListenerStatus.LISTENING
        assert "cannot be used" in state.problem
        copy_pair(tmp_path)
        await here.reception.apply(config)
        assert here.reception.listeners()[0].problem == ""
        assert await shown() == first


async def test_a_certificate_that_was_renewed_on_the_disk_is_used_without_a_new_configuration(tmp_path: Path) -> None:
    async with site(configuration(copy_pair(tmp_path))) as here:

        async def shown() -> bytes | None:
            peer = await here.session()
            return (await peer.start_tls()).getpeercert(binary_form=True)

        first = await shown()
        await here.reception.look_again()
        assert await shown() == first
        copy_pair(tmp_path, expired=True)
        await here.reception.look_again()
        assert await shown() != first


async def test_a_listener_whose_address_was_taken_opens_when_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with site(configuration({"port": port})) as here:
            await here.reception.look_again()
            (state,) = here.reception.listeners()
            assert state.state is ListenerStatus.FAILED
            assert [record.levelname for record in caplog.records].count("ERROR") == 1
            taken.close()
            await here.reception.look_again()
            (state,) = here.reception.listeners()
            assert (state.state, state.problem) == (ListenerStatus.LISTENING, "")


async def test_a_listener_that_must_encrypt_does_not_open_without_a_certificate(tmp_path: Path) -> None:
    files = {"certificate_file": str(tmp_path / "none.pem"), "key_file": str(tmp_path / "none.key")}
    async with site(configuration({"tls": "tls", **files})) as here:
        (state,) = here.reception.listeners()
        assert state.state is ListenerStatus.FAILED
        assert "none.pem" in state.problem

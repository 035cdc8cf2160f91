"""Coming from another server, with a real relay: the preview saves nothing, taking over is one revision, or nothing at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.control import ControlApi
from tests.support.ports import wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit
from tests.unit.importing.support import SAMPLES, postfix_sample

CANARY = "p4ss:with:colons"


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("importing"), [plain(1, 2525)])
    with process:
        process.api.post("/v1/stop", {})  # the ports of the sample are not opened
        yield process


@pytest.fixture
def api(relay: RelayProcess) -> ControlApi:
    return relay.api


def body(*left_out: str, **more: Any) -> dict[str, Any]:
    return {"files": [{"name": file.name, "text": file.text} for file in postfix_sample(*left_out)], **more}


def revision(api: ControlApi) -> str:
    return str(api.call("GET", "/v1/configuration").headers["ETag"])


def test_a_preview_saves_nothing_and_shows_no_password(api: ControlApi) -> None:
    before, secrets = revision(api), api.get("/v1/secrets")
    answer = api.call("POST", "/v1/import/postfix/preview", body())
    assert answer.status == 200
    assert CANARY.encode() not in answer.body
    assert len(answer.json["passwords"]) == 2
    assert {one["kind"] for one in answer.json["findings"]} == {"understood", "left-out", "decide"}
    assert (revision(api), api.get("/v1/secrets")) == (before, secrets)


def test_a_dry_run_says_what_would_differ_and_stores_no_password(api: ControlApi) -> None:
    before = revision(api)
    answer = api.call("POST", "/v1/import/postfix?dry_run=true", body())
    assert answer.status == 200
    assert answer.json["differences"]
    assert revision(api) == before
    assert api.get("/v1/secrets") == []


def test_a_refused_import_leaves_neither_configuration_nor_passwords(api: ControlApi) -> None:
    before = revision(api)
    preview = api.post("/v1/import/postfix/preview", body())
    row = next(part["key"] for part in preview["parts"] if part["needs"])
    assert api.call("POST", "/v1/import/postfix", body(parts=[row])).status == 422
    assert api.call("POST", "/v1/import/postfix", body(), {"If-Match": '"999"'}).status == 409
    assert api.call("POST", "/v1/import/sendmail", body()).status == 404
    assert api.call("POST", "/v1/import/hmailserver/preview", body()).status == 422
    assert revision(api) == before
    assert api.get("/v1/secrets") == []


def test_taking_over_is_one_revision_with_its_note_and_passwords_in_the_vault(relay: RelayProcess, api: ControlApi) -> None:
    before = int(revision(api).strip('"'))
    preview = api.post("/v1/import/postfix/preview", body())
    saved = api.post("/v1/import/postfix", body())
    assert saved["revision"] == before + 1
    assert api.get("/v1/revisions")[0]["note"] == "imported from postfix"
    assert not saved["missing_secrets"]
    assert {one["name"] for one in api.get("/v1/secrets")} == set(preview["passwords"])
    configuration = api.get("/v1/configuration")
    assert {gateway["host"] for gateway in configuration["gateways"] if "host" in gateway} >= {
        "127.0.0.1", "smtp.provider.example", "backup.provider.example",
    }  # fmt: skip
    assert configuration["settings"]["spool"]["lifetime_hours"] == 72
    for path in (relay.folder / "data").rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
    assert CANARY not in relay.log
    assert api.post("/v1/import/postfix", body())["revision"] == before + 1, "once more changes nothing"


def test_the_command_reads_a_folder_tells_what_it_understood_and_saves_only_when_told(
    relay: RelayProcess, api: ControlApi, tmp_path: Path
) -> None:
    folder = tmp_path / "postfix"
    shutil.copytree(SAMPLES / "postfix", folder)
    (folder / "sasl_passwd.db").write_bytes(b"\0\1")
    before = revision(api)
    told = relay.run("import", "postfix", str(folder))
    assert told.returncode == 0, told.stderr
    for words in ("Understood", "Look at this", "Not taken over", "main.cf:38", "transport:5", "would go to the vault"):
        assert words in told.stdout
    assert CANARY not in told.stdout + told.stderr
    assert revision(api) == before
    applied = relay.command("import", "postfix", str(folder), "--apply", "--only", "setting:spool.delay_notice_hours")
    assert applied["revision"] >= int(before.strip('"'))


def test_the_command_takes_over_another_servers_settings(relay: RelayProcess, api: ControlApi) -> None:
    without = "setting:server.host_name"
    sample = str(SAMPLES / "hMailServerBackup.xml")
    saved = relay.command("import", "hmailserver", sample, "--apply", "--without", without)
    assert [name for name in saved["missing_secrets"] if name.endswith("/password")]
    assert api.get("/v1/settings")["server"]["host_name"] != "mail.office.example"
    assert relay.run("import", "iis", sample).returncode == 3


def test_a_postfix_that_signs_in_at_its_provider_goes_on_doing_so(tmp_path: Path) -> None:
    folder = tmp_path / "postfix"
    folder.mkdir()
    with SmtpPeer(starttls=True, users={"office": CANARY}, auth_needs_tls=True, require_auth=True) as provider:
        (folder / "main.cf").write_text(
            f"relayhost = [127.0.0.1]:{provider.port}\nmynetworks = 127.0.0.0/8\nsmtp_tls_security_level = encrypt\n"
            "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
            "inet_interfaces = loopback-only\n"
        )
        (folder / "sasl_passwd").write_text(f"[127.0.0.1]:{provider.port} office:{CANARY}\n")
        process, port = relaying(tmp_path / "relay", [])
        with process as relay:
            preview = relay.command("import", "postfix", str(folder))
            others = [part["key"] for part in preview["parts"] if part["key"].startswith("listener:")]  # port 25 is not ours
            options = [word for key in others for word in ("--without", key)]
            relay.command("import", "postfix", str(folder), "--apply", *options)
            submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: provider.messages, "it is delivered")
    [message] = provider.messages
    assert (message.user, message.tls) == ("office", True)

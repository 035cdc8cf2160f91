"""The vault's promises, whatever stands behind it."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections.abc import AsyncIterator
from concurrent.futures import Future

import pytest
import pytest_asyncio

from gatepost.model.errors import InvalidInput
from gatepost.model.secret import Secret
from gatepost.vault import Vault, VaultLocked, VaultPending, VaultRefused, VaultUnavailable

from .memory import MemoryBackend

CANARY = "canary-7f3a9"


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest_asyncio.fixture
async def vault(backend: MemoryBackend, time: Time) -> AsyncIterator[Vault]:
    vault = Vault(lambda: backend, lambda: "folder1", monotonic=time, answer_seconds=0.2, notice_seconds=0.02)
    yield vault
    if backend.gate is not None:
        backend.gate.set()
    await vault.close()


async def test_what_is_set_is_read_back(vault: Vault) -> None:
    await vault.set("gateway/gw-1/password", Secret(CANARY))
    assert await vault.get("gateway/gw-1/password") == Secret(CANARY)


async def test_an_unknown_name_has_no_secret(vault: Vault) -> None:
    assert await vault.get("gateway/gw-1/password") is None


async def test_accounts_carry_the_folder_and_the_service_is_gatepost(vault: Vault, backend: MemoryBackend) -> None:
    await vault.set("gateway/gw-1/password", Secret("x"))
    assert list(backend.values) == [("Gatepost", "folder1/gateway/gw-1/password")]


async def test_deleting_forgets_at_once_and_twice_is_no_error(vault: Vault) -> None:
    await vault.set("a", Secret("x"))
    await vault.get("a")
    await vault.delete("a")
    assert await vault.get("a") is None
    await vault.delete("a")


async def test_a_read_secret_is_kept_for_sixty_seconds_and_no_longer(vault: Vault, backend: MemoryBackend, time: Time) -> None:
    backend.values["Gatepost", "folder1/a"] = "one"
    await vault.get("a")
    backend.values["Gatepost", "folder1/a"] = "two"
    time.now += 59.9
    assert await vault.get("a") == Secret("one")
    time.now += 0.2
    assert await vault.get("a") == Secret("two")


async def test_absence_is_not_cached(vault: Vault, backend: MemoryBackend) -> None:
    assert await vault.get("a") is None
    backend.values["Gatepost", "folder1/a"] = "now there"
    assert await vault.get("a") == Secret("now there")


async def test_setting_replaces_what_was_cached(vault: Vault) -> None:
    await vault.set("a", Secret("one"))
    await vault.get("a")
    await vault.set("a", Secret("two"))
    assert await vault.get("a") == Secret("two")


async def test_every_call_runs_in_the_vaults_own_thread(vault: Vault, backend: MemoryBackend) -> None:
    await asyncio.gather(vault.set("a", Secret("x")), vault.get("a"), vault.delete("a"), vault.describe())
    assert backend.threads == {"vault"}
    assert threading.current_thread().name != "vault"


async def test_a_backend_that_keeps_nothing_is_found_out(vault: Vault, backend: MemoryBackend) -> None:
    backend.forgetful = True
    with pytest.raises(VaultRefused, match="not kept"):
        await vault.set("a", Secret(CANARY))


async def test_a_backend_that_keeps_the_old_value_is_found_out(vault: Vault, backend: MemoryBackend) -> None:
    await vault.set("a", Secret("old"))
    backend.forgetful = True
    with pytest.raises(VaultRefused):
        await vault.set("a", Secret("new"))


async def test_a_prompt_that_nobody_answers_is_announced_then_reported_and_later_over(
    vault: Vault, backend: MemoryBackend
) -> None:
    told: list[bool] = []
    over = asyncio.Event()

    def waiting(is_waiting: bool) -> None:
        told.append(is_waiting)
        if not is_waiting:
            over.set()

    vault.on_waiting = waiting
    backend.gate = threading.Event()
    with pytest.raises(VaultPending, match="password manager"):
        await vault.get("a")
    assert told == [True]
    assert vault.is_waiting
    backend.gate.set()
    await asyncio.wait_for(over.wait(), 5)
    assert told == [True, False]
    assert not vault.is_waiting
    assert await vault.get("a") is None


async def test_the_loop_runs_while_a_prompt_is_open(vault: Vault, backend: MemoryBackend) -> None:
    backend.gate = threading.Event()
    reading = asyncio.create_task(vault.get("a"))
    turns = 0
    while not vault.is_waiting:
        await asyncio.sleep(0)
        turns += 1
    backend.gate.set()
    await reading
    assert turns > 10


async def test_a_quick_answer_announces_nothing(vault: Vault) -> None:
    told: list[bool] = []
    vault.on_waiting = told.append
    await vault.set("a", Secret("x"))
    await asyncio.sleep(0.03)
    assert told == []


async def test_calls_that_gave_up_waiting_are_not_run_later(vault: Vault, backend: MemoryBackend) -> None:
    backend.gate = threading.Event()
    results = await asyncio.gather(*(vault.get(f"n{i}") for i in range(20)), return_exceptions=True)
    assert all(isinstance(result, VaultPending) for result in results)
    backend.gate.set()
    await vault.get("last")
    assert backend.reads == 2  # the first, which hung, and the last; not the nineteen that had given up


async def test_a_write_that_was_answered_late_is_not_hidden_by_the_cache(vault: Vault, backend: MemoryBackend) -> None:
    await vault.set("a", Secret("old"))
    backend.gate = threading.Event()
    with pytest.raises(VaultPending):
        await vault.set("a", Secret("new"))
    backend.gate.set()
    assert await vault.get("a") == Secret("new")


async def test_describe_says_that_it_waits(vault: Vault, backend: MemoryBackend) -> None:
    backend.gate = threading.Event()
    state = await vault.describe()
    assert state.waiting
    assert not state.usable
    assert "password manager" in state.problem


async def test_describe_of_a_locked_keyring_has_the_words_and_the_way_out(vault: Vault, backend: MemoryBackend) -> None:
    backend.problem = VaultLocked("Secret Service is locked.", "", "Unlock it and try again.")
    state = await vault.describe()
    assert (state.usable, state.label, state.problem, state.hint) == (
        False,
        "memory",
        "Secret Service is locked.",
        "Unlock it and try again.",
    )


async def test_errors_reach_the_caller_and_the_next_call_is_tried_again(vault: Vault, backend: MemoryBackend) -> None:
    backend.problem = VaultLocked("locked")
    with pytest.raises(VaultLocked):
        await vault.get("a")
    backend.problem = None
    assert await vault.get("a") is None


async def test_without_any_backend_each_call_says_so_until_one_appears(backend: MemoryBackend) -> None:
    there = False

    def choose() -> MemoryBackend:
        if not there:
            raise VaultUnavailable("This account has no usable keyring.", "no bus", "Start one.")
        return backend

    vault = Vault(choose, lambda: "f")
    for call in (vault.get("a"), vault.set("a", Secret("x")), vault.delete("a")):
        with pytest.raises(VaultUnavailable, match="no usable keyring"):
            await call
    state = await vault.describe()
    assert (state.kind, state.usable, state.hint) == (None, False, "Start one.")
    there = True
    await vault.set("a", Secret("x"))
    assert (await vault.describe()).usable
    await vault.close()


@pytest.mark.parametrize("value", ["", "a\0b", "lone \ud800 half", "x" * 32_769], ids=["empty", "nul", "surrogate", "long"])
async def test_what_no_vault_can_hold_is_refused_before_it_gets_there(vault: Vault, backend: MemoryBackend, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await vault.set("a", Secret(value))
    assert caught.value.issues[0].field == "secret"
    assert not backend.threads
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a\nb", "ä", "x" * 201])
async def test_odd_names_are_refused(vault: Vault, name: str) -> None:
    with pytest.raises(InvalidInput):
        await vault.get(name)


async def test_any_character_that_a_person_can_type_survives(vault: Vault) -> None:
    for value in ("päß wörd", "😀" * 10, "a'b\"c\\d", " leading and trailing ", "tab\tand\nline"):
        await vault.set("a", Secret(value))
        await vault.delete("b")
        vault._cache.clear()
        assert await vault.get("a") == Secret(value)


async def test_no_secret_in_errors_representations_or_logs(
    vault: Vault, backend: MemoryBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await vault.set("a", Secret(CANARY))
    backend.forgetful = True
    with pytest.raises(VaultRefused) as caught:
        await vault.set("a", Secret(CANARY + "-new"))
    shown = [repr(vault), str(vars(vault)), str(caught.value), repr(caught.value), caplog.text]
    shown += traceback.format_exception(caught.value)
    assert not [text for text in shown if CANARY in text]


async def test_a_closed_vault_has_no_thread_and_no_secrets_left(backend: MemoryBackend) -> None:
    vault = Vault(lambda: backend, lambda: "f")
    await vault.set("a", Secret(CANARY))
    await vault.close()
    assert vault._worker.join(0)
    assert not vault._cache


async def test_closing_does_not_wait_for_a_prompt(backend: MemoryBackend) -> None:
    backend.gate = threading.Event()
    vault = Vault(lambda: backend, lambda: "f", answer_seconds=0.01)
    with pytest.raises(VaultPending):
        await vault.get("a")
    await asyncio.wait_for(vault.close(), 5)
    backend.gate.set()


async def test_who_is_cancelled_just_when_the_answer_comes_is_cancelled(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that forgets it goes on for ever, and whoever waits for its end with it: the relay's, when it is to end."""
    answer: Future[None] = Future()
    monkeypatch.setattr(vault._worker, "submit", lambda job: answer)
    asking = asyncio.create_task(vault.get("gateway/gw-1/password"))
    while not answer._done_callbacks:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    answer.set_result(None)
    await asyncio.sleep(0)
    assert asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

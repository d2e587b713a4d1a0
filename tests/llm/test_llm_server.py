"""Starting, finding and ending the embedded server, without a model."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
from pathlib import Path

import pytest

from distiller.llm import local
from distiller.llm.local import ServerState, folder_of, join_server, running, write_state
from distiller.schema.errors import ModelUnavailable
from tests.endpoint import ScriptedEndpoint, text


def test_without_the_engine_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'domain-distiller\[local\]'"):
        join_server("qwen-1.5b", tmp_path, tmp_path)


def test_weights_that_cannot_be_loaded_name_the_log(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(b"GGUF" + b"\0" * 1000)
    with pytest.raises(ModelUnavailable, match="did not start") as caught:
        join_server(str(weights), tmp_path / "ws", tmp_path)
    log = tmp_path / "ws" / "logs" / "llm-broken.log"
    assert str(log) in str(caught.value)
    assert log.stat().st_size > 0
    with (folder_of(tmp_path / "ws", "broken") / "users.lock").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more


def state_at(url: str) -> ServerState:
    return ServerState(pid=os.getpid(), url=url, api_key="key", model="m", parallel=8)


def test_a_running_server_is_found_and_a_gone_one_is_not(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with ScriptedEndpoint(text("one")) as endpoint:
        write_state(tmp_path, state_at(endpoint.url))
        assert running(tmp_path) == state_at(endpoint.url)
    assert running(tmp_path) is None
    (tmp_path / "state.json").write_text('{"pid": 1')
    assert running(tmp_path) is None


def test_the_state_is_for_its_owner_only(tmp_path: Path) -> None:
    write_state(tmp_path, state_at("http://127.0.0.1:1/v1"))
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_folders_of_models_stay_in_the_workspace(tmp_path: Path) -> None:
    for name in ("qwen-1.5b", "owner/repo:file.gguf", "../../elsewhere"):
        assert folder_of(tmp_path, name).parent == tmp_path / "llm"


def wait_in_process(folder: str) -> None:
    from distiller.llm.local_server import _wait_until_unused  # noqa: PLC0415 - imports the engine

    _wait_until_unused(Path(folder))


def test_a_server_ends_only_when_nobody_uses_or_joins_it(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    write_state(tmp_path, state_at("http://127.0.0.1:1/v1"))
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=wait_in_process, args=(str(tmp_path),), daemon=True)
    with (tmp_path / "start.lock").open("ab") as start, (tmp_path / "users.lock").open("ab") as one:
        fcntl.flock(one, fcntl.LOCK_SH)
        server.start()
        server.join(1.5)
        assert server.is_alive()
        fcntl.flock(start, fcntl.LOCK_EX)
        fcntl.flock(one, fcntl.LOCK_UN)
        server.join(1.0)
        assert server.is_alive()
        assert (tmp_path / "state.json").exists()
        fcntl.flock(start, fcntl.LOCK_UN)
        server.join(30)
    assert server.exitcode == 0
    assert not (tmp_path / "state.json").exists()

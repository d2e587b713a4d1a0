"""Both ways to start the app, on a server that nobody visited."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from app_probe import free_port, start_app, start_streamlit, stop_app, stop_workers, visit
from playwright.sync_api import Browser, expect

from distiller.dataset import open_example
from distiller.jobs import worker_alive
from distiller.schema.examples import Query
from distiller.store import Store

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("start", [start_app, start_streamlit])
def test_a_link_opens_on_a_cold_server_and_a_worker_runs(
    chromium: Browser, tmp_path: Path, start: Callable
):
    with Store.open(f"sqlite:///{tmp_path / 'distiller.db'}") as store:
        project = open_example(store)
        query = store.items(project.id, Query, limit=1)[0]
        assert not worker_alive(store)
        port = free_port()
        server = start(tmp_path, port)
        try:
            link = f"http://127.0.0.1:{port}/queries?project={project.name}&item={query.id}&who=ada"
            page = visit(chromium, link)
            expect(page.get_by_label("Query", exact=True)).to_have_value(query.query)
            expect(page.get_by_text("Page not found")).to_have_count(0)
            deadline = time.monotonic() + 60
            while not worker_alive(store):
                assert time.monotonic() < deadline, "no worker came"
                time.sleep(0.2)
        finally:
            stop_app(server)
            stop_workers(tmp_path)

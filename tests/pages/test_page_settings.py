"""The settings page: kept in the workspace, never over the environment, never a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distiller.settings import Settings


def save(page) -> None:
    next(button for button in page.button if button.label == "Save").click().run()
    assert not page.exception


def test_an_endpoint_and_a_budget_are_kept_without_the_key(
    run_page, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    page = run_page("admin/settings.py")
    next(r for r in page.radio if r.label == "Language model").set_value(
        "Another one, by its address"
    ).run()
    next(t for t in page.text_input if t.label == "Address").set_value("http://127.0.0.1:9/v1")
    next(t for t in page.text_input if t.label == "Model").set_value("some-model")
    page.number_input[0].set_value(12.5)
    page.checkbox[0].uncheck()
    save(page)
    found = Settings()
    assert (found.llm_url, found.llm_model) == ("http://127.0.0.1:9/v1", "some-model")
    assert (found.budget, found.hide_judge) == (12.5, False)
    assert "secret" not in (workspace / "settings.json").read_text()


def test_the_environment_wins(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Settings().keep(budget=5.0, llm_model="kept")
    monkeypatch.setenv("DISTILLER_BUDGET", "1")
    assert (Settings().budget, Settings().llm_model) == (1.0, "kept")
    assert Settings(llm_model="given").llm_model == "given"


def test_a_damaged_file_and_strangers_in_it_are_left_out(workspace: Path) -> None:
    (workspace / "settings.json").write_text("{half a JSON")
    assert Settings().budget is None
    (workspace / "settings.json").write_text(json.dumps({"openai_api_key": "x", "seed": 99}))
    assert Settings().seed == 13
    with pytest.raises(ValueError, match="not kept"):
        Settings().keep(openai_api_key="sk")
    with pytest.raises(ValueError, match="budget"):
        Settings().keep(budget=-1)

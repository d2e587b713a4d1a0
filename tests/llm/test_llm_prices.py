from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from distiller.llm import Planned, Price, Rate, forecast, price_of, price_table
from distiller.schema.errors import InvalidFile
from distiller.schema.usage import Prompt, Usage
from distiller.settings import Settings

OPENAI = "https://api.openai.com/v1"


def test_cost_counts_cached_tokens_at_their_own_price() -> None:
    usage = Usage(prompt_tokens=1000, cached_tokens=400, completion_tokens=200)
    price = Price(input=2.0, cached=0.5, output=8.0)
    assert price.cost(usage) == pytest.approx((600 * 2.0 + 400 * 0.5 + 200 * 8.0) / 1e6)
    assert Price(input=2.0, output=8.0).cost(usage) == pytest.approx((1000 * 2.0 + 200 * 8.0) / 1e6)


def test_dated_snapshots_cost_what_their_model_does_and_strangers_are_unknown() -> None:
    table = price_table()
    assert table.as_of is not None
    assert table.find(OPENAI, "gpt-4o-mini-2024-07-18") == table.find(OPENAI, "gpt-4o-mini")
    assert table.find(OPENAI, "gpt-4o-mini") != table.find(OPENAI, "gpt-4o")
    assert table.find(OPENAI, "unheard-of") is None
    assert table.find("https://elsewhere.example/v1", "gpt-4o") is None


def test_a_file_overrides_and_adds(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(
        "prices:\n  api.openai.com:\n    gpt-4o: {input: 1, output: 2}\n"
        "  '*':\n    mine: {input: 0, output: 0}\n"
    )
    table = price_table(file)
    assert table.find(OPENAI, "gpt-4o") == Price(input=1, output=2)
    assert table.find("http://localhost:8000/v1", "mine") == Price(input=0, output=0)
    assert table.find(OPENAI, "gpt-4.1") is not None


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (b"prices: [", 2, None),
        (b"prices:\n  host:\n    m: {input: -1, output: 2}\n", None, "prices.host.m.input"),
        (b"other: 1", None, "prices"),
        (b"\xff\xfe", None, None),
    ],
)
def test_a_file_that_is_no_price_table(
    tmp_path: Path, content: bytes, line: int | None, field: str | None
) -> None:
    file = tmp_path / "prices.yaml"
    file.write_bytes(content)
    with pytest.raises(InvalidFile) as caught:
        price_table(file)
    assert (caught.value.path, caught.value.field) == (file, field)
    if line:
        assert caught.value.line is not None


def test_forecast_sums_by_stage(settings_for: Callable[..., Settings], prompt: Prompt) -> None:
    settings = settings_for(OPENAI, llm_model="gpt-4o-mini")
    price = price_of(settings)
    assert price is not None
    plans = [
        Planned("queries", 10, 500, 200),
        Planned("judge", 40, 300, 50),
        Planned("queries", 2, 100, 10),
    ]
    queries, judge = forecast(plans, settings, rate=Rate(prompt=1000, completion=100))
    assert (queries.stage, queries.completions) == ("queries", 12)
    assert (queries.prompt_tokens, queries.completion_tokens) == (5200, 2020)
    assert queries.cost == pytest.approx((5200 * price.input + 2020 * price.output) / 1e6)
    assert judge.seconds == pytest.approx(40 * 300 / 1000 + 40 * 50 / 100)


def test_forecast_says_when_the_price_is_unknown(settings_for: Callable[..., Settings]) -> None:
    plan = [Planned("queries", 1, 1, 1)]
    assert not forecast(plan, settings_for("http://127.0.0.1:1/v1"))[0].priced
    local = settings_for("local", llm_model="")
    assert forecast(plan, local)[0].priced
    assert forecast(plan, local)[0].cost == 0

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from distiller.schema.base import SourceSpan, Status, new_id, now
from distiller.schema.domain import Domain
from distiller.schema.examples import POSITIVE_GRADE, Judgment, JudgmentSource, Query
from distiller.schema.usage import Prompt, Usage

amounts = st.builds(
    Usage,
    prompt_tokens=st.integers(0, 10**9),
    cached_tokens=st.integers(0, 10**9),
    completion_tokens=st.integers(0, 10**9),
    # Sixteenths add up exactly.
    cost=st.integers(0, 10**6).map(lambda sixteenths: sixteenths / 16),
    completions=st.integers(0, 10**6),
)


def test_ids_sort_by_time_and_never_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [1_700_000_000_000_000_000 + second * 10**9 for second in (0, 1, 60, 10**6)]
    clock = iter(moments)
    monkeypatch.setattr("time.time_ns", lambda: next(clock))
    ids = [new_id("q") for _ in moments]
    assert ids == sorted(ids)
    # The same microsecond still gives different ids.
    monkeypatch.setattr("time.time_ns", lambda: moments[0])
    assert len({new_id("q") for _ in range(100)}) == 100


def test_id_names_its_kind() -> None:
    assert new_id("concept").startswith("concept-")


def test_now_has_a_zone() -> None:
    assert now().utcoffset() is not None


@pytest.mark.parametrize("name", ["", " ", "\n\t", "x" * 201])
def test_domain_needs_a_name_of_sensible_length(name: str) -> None:
    with pytest.raises(ValidationError):
        Domain(name=name)


def test_domain_name_is_folded_to_one_line() -> None:
    assert Domain(name="  tenancy\n law ").name == "tenancy law"


def test_unknown_fields_are_errors() -> None:
    with pytest.raises(ValidationError, match="langauge"):
        Domain.model_validate({"name": "law", "langauge": "de"})


def test_assignments_are_validated() -> None:
    query = Query(id="q-1", query="why")
    with pytest.raises(ValidationError):
        query.status = "liked"  # type: ignore[assignment]
    query.status = Status.APPROVED
    assert query.status is Status.APPROVED


@pytest.mark.parametrize("grade", [-1, 4])
def test_grades_are_0_to_3(grade: int) -> None:
    with pytest.raises(ValidationError):
        Judgment(id="j", query_id="q", passage_id="d", grade=grade)
    assert 0 < POSITIVE_GRADE <= 3


def test_reviewers_outrank_judges_outrank_generators() -> None:
    ranks = list(JudgmentSource)
    assert ranks.index(JudgmentSource.REVIEWER) > ranks.index(JudgmentSource.JUDGE)
    assert ranks.index(JudgmentSource.JUDGE) > ranks.index(JudgmentSource.GENERATOR)


def test_spans_have_no_negative_ends() -> None:
    with pytest.raises(ValidationError):
        SourceSpan(document="a.pdf", start=-1, end=3)


@given(amounts, amounts, amounts)
def test_usages_add_up(first: Usage, second: Usage, third: Usage) -> None:
    assert first + Usage() == first
    assert first + second == second + first
    assert (first + second) + third == first + (second + third)
    assert (first + second).cost == first.cost + second.cost
    assert (first + second).prompt_tokens == first.prompt_tokens + second.prompt_tokens


def test_prompt_label() -> None:
    assert Prompt(name="queries.write", version=2, system="s", user="u").label == "queries.write@2"

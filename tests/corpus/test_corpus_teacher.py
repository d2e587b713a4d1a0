from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.corpus import scoring as module
from distiller.corpus.calibration import calibrated, mixed
from distiller.corpus.teacher import parts_of, teach, usual_teacher
from distiller.dataset.assembly import assemble
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError, ModelUnavailable
from distiller.schema.examples import (
    Judgment,
    JudgmentSource,
    Origin,
    Passage,
    Query,
    Strategy,
)
from distiller.settings import Settings
from distiller.store import Store

TEXTS = {
    "p-a": "The landlord must return the deposit within two weeks.",
    "p-b": "The landlord keeps a register of all deposits of the year.",
    "p-c": "Cats are allowed in the flat if the neighbours agree.",
    "p-d": "Pets such as cats and dogs need the landlord's permission.",
}


def judgment(query: str, passage: str, grade: int, **fields: object) -> Judgment:
    return Judgment.model_validate(
        {
            "id": f"j-{query}-{passage}-{fields.get('source', '')}",
            "query_id": query,
            "passage_id": passage,
            "grade": grade,
            "strategy": Strategy.POSITIVE if grade > 1 else Strategy.STANDARD,
            **fields,
        }
    )


@pytest.fixture
def project(store: Store) -> Project:
    project = store.create_project(Domain(name="Tenancy"))
    store.add(
        project.id,
        [
            Query(id="q-1", query="when is the deposit returned"),
            Query(id="q-2", query="may I keep a cat in my flat"),
            *(Passage(id=id_, text=text, origin=Origin.CORPUS) for id_, text in TEXTS.items()),
            judgment("q-1", "p-a", 3),
            judgment("q-1", "p-b", 0),
            judgment("q-1", "p-c", 0),
            judgment("q-2", "p-d", 3),
            judgment("q-2", "p-a", 0),
        ],
    )
    return project


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace")


def taught(store: Store, project: Project) -> dict[tuple[str, str], Judgment]:
    given = store.judgments(project.id, sources=[JudgmentSource.TEACHER])
    return {(one.query_id, one.passage_id): one for one in given if not one.stale}


def test_the_default_teacher_works_offline_and_reaches_the_examples(
    store: Store, project: Project, settings: Settings
) -> None:
    report = teach(store, project, settings)
    assert (report.made, report.present, report.failed) == (5, 0, 0)
    found = taught(store, project)
    scores = {pair: one.score for pair, one in found.items()}
    assert scores["q-1", "p-a"] > scores["q-1", "p-b"] > scores["q-1", "p-c"]
    assert scores["q-2", "p-d"] > scores["q-2", "p-a"]
    one = found["q-1", "p-a"]
    assert (one.grade, one.strategy, one.provenance.model) == (3, Strategy.POSITIVE, "dense+bm25")
    assert one.explanation.startswith("dense 0.")
    assert ", bm25 " in one.explanation
    assert report.notes[0] == "dense+bm25: 2 queries scored"
    assert "100% of queries have a positive first" in report.notes[1]
    for example in assemble(store, project):
        for passage in example.positives + example.negatives:
            assert passage.score == scores[example.query_id, passage.passage_id]


def test_nothing_is_computed_twice(
    store: Store, project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = module.DenseEncoder.encode
    monkeypatch.setattr(
        module.DenseEncoder,
        "encode",
        lambda self, texts: (encoded.extend(texts), encode(self, texts))[1],
    )
    teach(store, project, settings)
    assert len(encoded) == 2 + 4
    monkeypatch.setattr(module, "DenseEncoder", lambda _: pytest.fail("the model is loaded again"))
    again = teach(store, project, settings)
    assert (again.made, again.present) == (0, 5)
    monkeypatch.undo()
    store.add(project.id, [judgment("q-2", "p-c", 0)])
    report = teach(store, project, settings, teacher="dense")
    assert report.made + report.present == 6


def test_another_teacher_replaces_the_scores_and_the_judges_own_count(
    store: Store, project: Project, settings: Settings
) -> None:
    judged = {"p-a": 0.99, "p-b": 0.5, "p-c": 0.01}
    store.add(
        project.id,
        [
            judgment("q-1", id_, 3 if p > 0.9 else 0, source=JudgmentSource.JUDGE, score=p)
            for id_, p in judged.items()
        ]
        + [
            judgment("q-2", id_, grade, source=JudgmentSource.JUDGE)
            for id_, grade in (("p-d", 3), ("p-a", 0))
        ],
    )
    teach(store, project, settings, teacher="bm25")
    report = teach(store, project, settings, teacher="judge")
    scores = {pair: one.score for pair, one in taught(store, project).items()}
    # Log-odds 4.6, 0 and -4.6: their root mean square is 3.75, so one unit.
    unit = math.sqrt((math.log(99) ** 2 * 2) / 3)
    expected = [math.log(99) / unit, 0.0, -math.log(99) / unit]
    assert scores == {
        ("q-1", id_): pytest.approx(value, abs=1e-4)
        for id_, value in zip(judged, expected, strict=True)
    }
    assert report.failed == 2
    assert "without a score: 2 of 5" in report.notes[-1]
    (example,) = [one for one in assemble(store, project) if one.query_id == "q-2"]
    assert [one.score for one in example.positives + example.negatives] == [None, None]


def test_a_mix_leaves_out_for_a_query_what_does_not_know_all_its_passages(
    store: Store, project: Project, settings: Settings
) -> None:
    store.add(
        project.id,
        [
            judgment("q-1", id_, grade, source=JudgmentSource.JUDGE, score=score)
            for id_, grade, score in (("p-a", 3, 0.9), ("p-b", 0, 0.2), ("p-c", 0, None))
        ],
    )
    store.add(
        project.id,
        [
            judgment("q-2", id_, grade, source=JudgmentSource.JUDGE, score=None)
            for id_, grade in (("p-d", 3), ("p-a", 0))
        ],
    )
    teach(store, project, settings, teacher="bm25")
    alone = {pair: one.score for pair, one in taught(store, project).items()}
    teach(store, project, settings, teacher="bm25+judge")
    assert {pair: one.score for pair, one in taught(store, project).items()} == alone


def test_teachers_that_are_not_there_are_said(
    store: Store, project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong, words in {
        "oracle": "no teacher 'oracle'",
        "": "no teacher",
        "bm25:x": "no teacher 'bm25:x'",
        "bm25+bm25": "twice",
        "cross-encoder": "needs its name",
    }.items():
        with pytest.raises(InputError, match=words):
            parts_of(wrong)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read when imported
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        teach(store, project, settings, teacher="cross-encoder:nobody/no-such-model")
    with pytest.raises(InputError, match="no such model"):
        teach(store, project, settings, teacher="cross-encoder:./not here")
    assert taught(store, project) == {}
    with pytest.raises(InputError, match="nothing to score yet"):
        teach(store, store.create_project(Domain(name="Empty")), settings)


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-100, 100)), min_size=1, max_size=30))
def test_calibrated_scores_keep_the_order_and_stand_around_nought(
    given_scores: list[tuple[int, float]],
) -> None:
    asked = np.array([query for query, _ in given_scores])
    scores = np.array([score for _, score in given_scores])
    found = calibrated(scores, asked)
    for query in set(asked.tolist()):
        mine = asked == query
        assert found[mine].mean() == pytest.approx(0, abs=1e-6)
        order = np.argsort(scores[mine], kind="stable")
        assert (np.diff(found[mine][order]) >= -1e-9).all()
    if np.abs(found).max() > 0:
        assert np.sqrt((found**2).mean()) == pytest.approx(1)


def test_a_query_with_an_unknown_score_is_left_out_of_a_part_and_of_its_unit() -> None:
    asked = np.array([0, 0, 1, 1])
    known = calibrated(np.array([1.0, -1.0, 50.0, np.nan]), asked)
    assert known[:2].tolist() == [1.0, -1.0]
    assert np.isnan(known[2:]).all()
    both = mixed([known, np.array([0.0, 0.0, 2.0, -2.0])], asked)
    assert both.tolist() == [0.5, -0.5, 2.0, -2.0]
    assert np.isnan(mixed([known], asked)[2:]).all()


def test_a_language_that_the_packaged_model_cannot_read_has_another_teacher(
    store: Store, settings: Settings
) -> None:
    project = store.create_project(Domain(name="Mietrecht", language="de"))
    texts = {
        "p-a": "Die Kaution wird zwei Monate nach dem Auszug zurückgezahlt.",
        "p-b": "Die Heizung muss im Winter zwanzig Grad erreichen.",
    }
    store.add(
        project.id,
        [
            Query(id="q-1", query="wann kommt die Kaution zurück"),
            *(Passage(id=id_, text=text) for id_, text in texts.items()),
            judgment("q-1", "p-a", 3),
            judgment("q-1", "p-b", 0),
        ],
    )
    assert usual_teacher("en") == "dense+bm25"
    report = teach(store, project, settings)
    assert report.notes[0] == "bm25: 1 queries scored"
    assert not any("reads English" in note for note in report.notes)
    report = teach(store, project, settings, teacher="dense+bm25")
    assert report.notes[-1].startswith("the packaged dense model reads English, not German")

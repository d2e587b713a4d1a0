from __future__ import annotations

import pytest

from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage
from distiller.schema.domain import Project
from distiller.schema.errors import NotFound
from distiller.schema.retrieval import EvaluationReport, Interval, Shown, SystemResult, TrainedModel
from distiller.store import Store

EXAMPLE = Example(
    query_id="q-1",
    query="who keeps the deposit",
    positives=[LabelledPassage(passage_id="d-1", text="Ünïcode ✓", grade=3, score=0.5)],
    negatives=[LabelledPassage(passage_id="d-2", text="other", grade=0)],
    split="val",
    meta={"line": 3},
)


def snapshot(id: str, project_id: str | None, content_hash: str = "abc") -> DatasetSnapshot:
    return DatasetSnapshot(
        id=id,
        project_id=project_id,
        content_hash=content_hash,
        examples=[EXAMPLE] * 3,
        seed=13,
        filters={"status": "approved"},
        counts={"train": 0, "val": 3, "test": 0, "passages": 6},
        lineage={"models": ["small"]},
    )


def test_snapshot_comes_back_by_id_and_by_hash(store: Store, project: Project) -> None:
    saved = store.save_snapshot(snapshot("s-1", project.id))
    assert saved == snapshot("s-1", project.id).model_copy(update={"created": saved.created})
    assert store.snapshot("s-1") == store.snapshot("abc") == saved
    with pytest.raises(NotFound, match="s-9"):
        store.snapshot("s-9")


def test_same_content_is_one_snapshot_per_project(store: Store, project: Project) -> None:
    first = store.save_snapshot(snapshot("s-1", project.id))
    assert store.save_snapshot(snapshot("s-2", project.id)) == first
    other = store.save_snapshot(snapshot("s-3", project.id, "def"))
    alone = store.save_snapshot(snapshot("s-4", None))
    assert alone.id == "s-4"
    assert store.snapshots(project.id) == [first, other]


def test_lists_can_do_without_the_examples(store: Store, project: Project) -> None:
    saved = store.save_snapshot(snapshot("s-1", project.id))
    (listed,) = store.snapshots(project.id, examples=False)
    assert listed == saved.model_copy(update={"examples": []})


def test_models(store: Store, project: Project) -> None:
    model = TrainedModel(
        id="m-1",
        project_id=project.id,
        path="models/m-1",
        base="tiny",
        base_license="apache-2.0",
        snapshot_hash="abc",
        recipe={"epochs": 3},
        metrics=[{"step": 0, "ndcg@10": 0.5}],
        best_step=40,
    )
    store.save_model(model)
    store.save_model(model)
    assert store.models(project.id) == [model]
    assert store.models(None) == []
    with pytest.raises(NotFound, match="p-9"):
        store.save_model(model.model_copy(update={"id": "m-2", "project_id": "p-9"}))


def test_reports(store: Store, project: Project) -> None:
    report = EvaluationReport(
        id="r-1",
        collection="adi",
        queries=35,
        passages=82,
        systems=[
            SystemResult(
                name="bm25",
                measures={"ndcg@10": 0.5, "judged@10": None},
                intervals={"ndcg@10": Interval(value=0.5, low=0.4, high=0.6)},
                per_query={"ndcg@10": {"1": 0.5}},
                rankings={"1": [("p-1", 2.5)]},
            )
        ],
        model="model-1",
        held_out=True,
        shown={"1": Shown(query="who pays", facts={"type": "x"}, grades={"p-1": 3})},
        passages_shown={"p-1": "The landlord pays."},
    )
    store.save_report(project.id, report)
    alone = report.model_copy(update={"id": "r-2"})
    store.save_report(None, alone)
    assert store.report("r-1") == report
    assert store.report("r-2") == alone
    [light] = store.reports(project.id)
    assert light.systems[0].intervals == report.systems[0].intervals
    assert [light.shown, light.passages_shown] == [{}, {}]
    assert [light.systems[0].per_query, light.systems[0].rankings] == [{}, {}]
    assert [found.id for found in store.reports(None)] == ["r-2"]
    with pytest.raises(NotFound, match="r-9"):
        store.report("r-9")

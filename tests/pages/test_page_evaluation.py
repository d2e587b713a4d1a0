"""The Evaluation page, on a real measurement of the example's held-out queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from distiller.dataset import freeze, open_example
from distiller.evaluate import evaluate, held_out
from distiller.retrieve import BM25, SparseIndex
from distiller.schema.base import new_id
from distiller.schema.domain import Domain, Project
from distiller.schema.jobs import Job, JobState
from distiller.schema.retrieval import Collection, EvaluationReport, TrainedModel
from distiller.store import Store

PAGE = "train/evaluation.py"
HOSTILE = "<script>document.title='x'</script> **bold** :red[r] $x^2$ [l](http://a.b) שלום"


class Fixed:
    def __init__(self, name: str, ranking: dict[str, float]) -> None:
        self.name = name
        self._ranking = ranking

    def retrieve(self, queries, k):
        return {id_: dict(self._ranking) for id_ in queries}


class Words:
    """A sparse encoder that counts words: a model with FLOPS that needs no weights."""

    name = "words"

    def __init__(self, texts: Iterable[str]) -> None:
        self._words = {word: i for i, word in enumerate(sorted(set(" ".join(texts).split())))}

    def encode_passages(self, texts: Sequence[str]) -> csr_matrix:
        found = [(i, self._words[w]) for i, text in enumerate(texts) for w in text.split()
                 if w in self._words]  # fmt: skip
        rows, columns = zip(*found, strict=True)
        shape = (len(texts), len(self._words))
        return csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)

    encode_queries = encode_passages


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> EvaluationReport:
    """BM25 and word counts on the test split of the example."""
    folder = tmp_path_factory.mktemp("measured")
    with Store.open(f"sqlite:///{folder / 'distiller.db'}") as store:
        collection = held_out(freeze(store, open_example(store)))
    corpus = collection.corpus
    return evaluate([BM25(corpus), SparseIndex(Words(corpus.values()), corpus)], collection)


@pytest.fixture
def report(measured: EvaluationReport, store: Store, example: Project) -> EvaluationReport:
    return store.save_report(example.id, measured)


def model(project: Project, path: str = "models/mine") -> TrainedModel:
    return TrainedModel(
        id=new_id("model"),
        project_id=project.id,
        path=path,
        base="tiny",
        snapshot_hash="h",
        recipe={},
    )


def words(test) -> str:
    shown = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error, *test.text]
    return "\n".join(element.value.replace("\\", "").replace("\u200b", "") for element in shown)


def labelled(elements, label: str):
    return next(element for element in elements if element.label == label)


def test_before_any_measurement_it_says_how_to_begin(run_page, example: Project):
    test = run_page(PAGE)
    assert not test.exception
    assert "Nothing is measured yet" in test.info[0].value
    assert labelled(test.button, "Measure").disabled


def test_with_a_model_measuring_is_the_next_action(run_page, store: Store, example: Project):
    store.save_model(model(example))
    test = run_page(PAGE)
    assert not test.exception
    assert not labelled(test.button, "Measure").disabled


def test_a_real_report_is_said_in_words_tables_and_charts(run_page, report: EvaluationReport):
    test = run_page(PAGE)
    assert not test.exception
    said = words(test)
    assert "words against bm25: too few queries to tell" in said
    assert f"Only {report.queries} queries" in said
    assert "kept aside from the same data" in said
    table = test.dataframe[0].value
    assert list(table["Model"]) == ["bm25", "words"]
    bm25 = report.systems[0]
    assert table["nDCG@10"][0].startswith(f"{100 * bm25.measures['ndcg@10']:.1f} (")
    assert table["FLOPS"][0] == "–"
    slices = [frame.value for frame in test.dataframe if "Queries" in frame.value.columns]
    assert [frame.columns[0] for frame in slices] == ["Type of query", "Complexity"]
    assert all(frame["Queries"].sum() == report.queries for frame in slices)


def test_every_chart_has_axes_and_a_table_behind_it(run_page, report: EvaluationReport):
    test = run_page(PAGE, measure="map")
    charts = [json.loads(chart.proto.spec)["layout"] for chart in test.get("plotly_chart")]
    axes = [(chart["xaxis"]["title"]["text"], chart["yaxis"]["title"]["text"]) for chart in charts]
    assert axes == [
        ("Model", "MAP, points of 100"),
        ("FLOPS, in shared words", "MAP, points of 100"),
    ]
    behind = [box for box in test.expander if box.label == "The same as a table"]
    quality, cost = (box.dataframe[0].value for box in behind)
    words = report.systems[1]
    assert list(quality["MAP, points"]) == [
        round(100 * system.measures["map"], 1) for system in report.systems
    ]
    assert list(cost.iloc[0]) == ["words", round(words.flops, 2), quality["MAP, points"][1]]


def test_a_query_shows_both_rankings_with_grades(run_page, report: EvaluationReport):
    test = run_page(PAGE)
    open_one = labelled(test.selectbox, "Open one query")
    assert open_one.value is None
    chosen = next(iter(report.shown))
    test = open_one.set_value(chosen).run()
    assert not test.exception
    assert test.query_params["query"] in (chosen, [chosen])
    said = words(test)
    for system in report.systems:
        best, score = system.rankings[chosen][0]
        assert f"{best}, score {score:.2f}" in said
    assert "not judged by anybody" in said
    assert "relevant, grade 3" in said


def test_a_link_opens_the_report_the_measure_and_the_query(
    run_page, store: Store, example: Project, report: EvaluationReport
):
    newer = store.save_report(example.id, report.model_copy(update={"id": "r-2", "notes": ["new"]}))
    chosen = next(iter(report.shown))
    test = run_page(PAGE, report=report.id, measure="mrr@10", query=chosen)
    assert not test.exception
    assert labelled(test.selectbox, "Measured").value == report.id != newer.id
    assert labelled(test.selectbox, "Measure shown below").value == "mrr@10"
    assert labelled(test.selectbox, "Open one query").value == chosen
    assert "Note: new" not in words(test)
    assert "Note: new" in words(run_page(PAGE))


def test_forged_addresses_and_choices_count_as_absent(run_page, report: EvaluationReport):
    test = run_page(PAGE, report="../../x", measure="<b>", query="' OR 1=1")
    assert not test.exception
    assert labelled(test.selectbox, "Measured").value == report.id
    assert labelled(test.selectbox, "Measure shown below").value == "ndcg@10"
    assert labelled(test.selectbox, "Open one query").value is None


def test_another_projects_report_is_not_shown(
    run_page, store: Store, example: Project, report: EvaluationReport
):
    other = store.create_project(Domain(name="other"))
    test = run_page(PAGE, project=other.name, report=report.id)
    assert not test.exception
    assert "Nothing is measured yet" in words(test)


def test_foreign_words_are_only_words(run_page, store: Store, example: Project):
    collection = Collection(
        name=HOSTILE,
        corpus={HOSTILE: HOSTILE},
        queries={"q": HOSTILE},
        qrels={"q": {HOSTILE: 2}},
        slices={"q": {"type": HOSTILE}},
        notes=(HOSTILE,),
    )
    ranked = [Fixed(HOSTILE, {HOSTILE: 1.0}), Fixed("Query", {}), Fixed("Queries", {})]
    store.save_report(example.id, evaluate(ranked, collection))
    test = run_page(PAGE, query="q")
    assert not test.exception
    for element in [*test.markdown, *test.caption, *test.info]:
        assert ":red[" not in element.value.replace("\\:", "")
        assert "<script" not in element.value.replace("\\<", "")
    assert HOSTILE in [text.value for text in test.text]


def test_a_report_without_rankings_can_still_be_read(
    run_page, store: Store, example: Project, measured: EvaluationReport
):
    bare = [system.model_copy(update={"rankings": {}}) for system in measured.systems]
    old = measured.model_copy(update={"shown": {}, "passages_shown": {}, "systems": bare})
    store.save_report(example.id, old)
    test = run_page(PAGE)
    assert not test.exception
    assert "before rankings were kept" in words(test)


def test_a_measurement_that_failed_says_why(run_page, store: Store, example: Project):
    failed = Job(
        id=new_id("job"),
        project_id=example.id,
        kind="evaluate",
        state=JobState.FAILED,
        message="the model's folder is gone; train it again",
    )
    store.add_job(failed)
    assert "folder is gone" in words(run_page(PAGE))


def test_measuring_is_queued_with_the_model_and_the_collection(
    run_page, store: Store, example: Project, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    (workspace / "collections" / "our-cases").mkdir(parents=True)
    trained = store.save_model(model(example))
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: None)
    test = run_page(PAGE)
    labelled(test.selectbox, "On").set_value("our-cases")
    test = labelled(test.button, "Measure").click().run()
    assert not test.exception
    [job] = store.jobs(example.id)
    assert job.parameters["stages"] == ["evaluate"]
    assert job.parameters["plan"]["model"] == trained.id
    assert job.parameters["plan"]["collection"].endswith("collections/our-cases")
    assert "Measuring: waits for its turn" in words(test)


def test_a_collection_is_removed_after_it_was_chosen(run_page, workspace: Path, example: Project):
    folder = workspace / "collections" / "our-cases"
    folder.mkdir(parents=True)
    test = run_page(PAGE)
    test = labelled(test.selectbox, "Remove").set_value("our-cases").run()
    next(button for button in test.button if button.label.startswith("Remove our")).click().run()
    assert not folder.exists()

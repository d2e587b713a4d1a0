from __future__ import annotations

from pathlib import Path

import pytest
from train_court import german, questions
from train_examples import snapshot

from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage, UnlabelledPassage
from distiller.schema.jobs import Progress
from distiller.schema.retrieval import Collection, TrainedModel
from distiller.splade import SpladeEncoder, StartModel
from distiller.splade.loading import load_model
from distiller.train import Recipe, train, verdict
from distiller.train.acquaint import acquaint


def in_german(number: int) -> Example:
    corpus = german()
    queries, qrels = questions(corpus)
    query_id = sorted(queries)[number]
    positives = [
        LabelledPassage(passage_id=one, grade=3, text=corpus[one]) for one in qrels[query_id]
    ]
    return Example(
        query_id=query_id,
        query=queries[query_id],
        positives=positives,
        negatives=[],
        split="val" if number >= 20 else "train",
    )


@pytest.fixture(scope="module")
def court() -> DatasetSnapshot:
    """German examples, and the other passages as background."""
    examples = [in_german(number) for number in range(40)]
    labelled = {passage.passage_id for one in examples for passage in one.positives}
    background = [
        UnlabelledPassage(passage_id=passage_id, text=text)
        for passage_id, text in german().items()
        if passage_id not in labelled
    ]
    return snapshot(examples).model_copy(update={"background": background})


def trained_on(
    data: DatasetSnapshot,
    base: StartModel,
    output: Path,
    language: str = "de",
    canary: Collection | None = None,
    **changes: object,
) -> tuple[TrainedModel, list[Progress]]:
    told: list[Progress] = []
    recipe = Recipe(
        min_steps=4, epochs=1, batch_size=4, evaluations=1, negatives_per_query=1
    ).model_copy(update=changes)
    trained = train(
        data, recipe, base, output, language=language, canary=canary, on_progress=told.append
    )
    return trained, told


@pytest.fixture(scope="module")
def whole(
    court: DatasetSnapshot, tiny: StartModel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainedModel, list[Progress]]:
    return trained_on(court, tiny, tmp_path_factory.mktemp("whole") / "tuned")


def met(told: list[Progress]) -> int:
    """Steps of meeting the corpus."""
    return sum(one.stage == "corpus" and one.done > 0 for one in told)


def test_training_begins_with_the_corpus_and_compares_with_the_start_model(
    court, tiny, whole, output
) -> None:
    plain, _ = trained_on(court, tiny, output, corpus_steps=0)
    trained, told = whole
    assert trained.metrics[0]["ndcg@10"] == plain.metrics[0]["ndcg@10"]
    assert trained.metrics[-1]["ndcg@10"] > plain.metrics[-1]["ndcg@10"]
    assert trained.promoted
    assert (trained.recipe["acquainted"], plain.recipe["acquainted"]) == (True, False)
    assert met(told) == 60
    tuned = StartModel(source=trained.path, license="apache-2.0", name="tuned")
    again, told = trained_on(court, tuned, output.with_name("again"))
    assert not again.recipe["acquainted"]  # it met this corpus before
    assert met(told) == 0


def test_a_start_model_that_reads_the_corpus_needs_no_steps(court, tiny, output) -> None:
    trained, told = trained_on(court, tiny, output, language="en")
    assert trained.recipe["acquainted"]
    assert met(told) == 1


def test_a_training_that_was_stopped_does_not_begin_with_it_again(
    court, tiny, whole, output, monkeypatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("distiller.train.trainer._run", _stop)
        with pytest.raises(KeyboardInterrupt):
            trained_on(court, tiny, output)
    resumed, told = trained_on(court, tiny, output)
    assert met(told) == 0
    assert resumed.metrics[-1] == pytest.approx(whole[0].metrics[-1], abs=1e-4)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_where_no_step_is_better_what_met_the_corpus_is_saved(court, tiny, output) -> None:
    kept, _ = trained_on(court, tiny, output, least_gain=1.0)
    assert (kept.promoted, kept.interpolation, kept.best_step) == (True, 0.0, 0)
    assert kept.recipe["acquainted"]
    (met, *_) = kept.recipe["promotion"]["tried"]
    assert met["measured"]["ndcg@10"] > kept.metrics[0]["ndcg@10"]
    assert (changed(output, tiny)) > 0
    card = (output / "README.md").read_text()
    assert f"{kept.metrics[0]['ndcg@10']:.3f} before, {met['measured']['ndcg@10']:.3f} with" in card
    assert verdict(kept).startswith("promoted, the start model with the corpus's words counted in")


def test_where_meeting_the_corpus_cost_too_much_elsewhere_the_start_model_is_saved(
    court, tiny, output
) -> None:
    elsewhere = Collection(  # the words that stand in every passage of the court's
        name="forms",
        corpus={"a": "Das Gericht hat entschieden", "b": "Miet", "c": "Zustellungs"},
        queries={"q": "Hat das Gericht über Miet und Zustellungs entschieden"},
        qrels={"q": {"a": 1}},
    )
    kept, _ = trained_on(court, tiny, output, canary=elsewhere, least_gain=1.0)
    assert (kept.promoted, kept.recipe["acquainted"]) == (False, False)
    assert "forgotten too much" in kept.promotion
    assert changed(output, tiny) == 0
    assert "Training did not help" in (output / "README.md").read_text()


def changed(output: Path, start: StartModel) -> int:
    """Weights of a text that are not the start model's."""
    text = ["Das Gericht hat entschieden"]
    saved, before = (SpladeEncoder(one).encode_queries(text) for one in (output, start.source))
    return int((saved != before).nnz)


@pytest.mark.parametrize(
    ("passages", "changes"),
    [
        (49, {}),
        (120, {"rarity_power": 0.0}),
        (120, {"query_table": True}),
        (120, {"reads": False, "corpus_steps": 0}),
        (120, {"reads": False, "adapter_rank": 4}),
    ],
)
def test_what_does_not_fit_is_left_as_it_is(tiny, passages, changes) -> None:
    model, _ = load_model(tiny.source)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    texts = list(german(passages).values())
    assert not acquaint(model, texts, Recipe().model_copy(update=changes), lambda *_: None)
    assert all((value == before[name]).all() for name, value in model.state_dict().items())

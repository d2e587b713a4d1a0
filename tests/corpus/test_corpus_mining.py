from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from distiller.corpus.index import CorpusIndex
from distiller.corpus.mining import Mining, mine, rewritten
from distiller.corpus.searches import mine_corpus, open_searches
from distiller.dataset import freeze
from distiller.dataset.assembly import assemble, gather, put_together
from distiller.schema.base import Provenance, SourceSpan, Status
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
from distiller.schema.retrieval import Run
from distiller.settings import Settings
from distiller.store import Given, Store


class Scripted:
    """A search whose ranking is written down: passage ids with scores, best first."""

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self.run = run

    def retrieve(self, queries: Mapping[str, str], k: int) -> Run:
        return {id_: dict(list(self.run.get(id_, {}).items())[:k]) for id_ in queries}


def passage(id_: str, text: str, **fields: object) -> Passage:
    return Passage.model_validate({"id": id_, "text": text, "origin": Origin.CORPUS, **fields})


def answers(query: str, passage_id: str, grade: int = 3) -> Judgment:
    return Judgment(
        id=f"j-{query}-{passage_id}",
        query_id=query,
        passage_id=passage_id,
        grade=grade,
        strategy=Strategy.POSITIVE if grade > 1 else Strategy.STANDARD,
    )


def words(name: str) -> str:
    return " ".join(f"{name}{at}" for at in range(20))


TEXTS = {f"p-{name}": words(name) for name in "abcdefgh"}


@pytest.fixture
def project(store: Store) -> Project:
    """Queries 1 and 2 with positives a and b; six more passages."""
    project = store.create_project(Domain(name="Law"))
    store.add(
        project.id,
        [
            Query(id="q-1", query="first question"),
            Query(id="q-2", query="second question"),
            *(passage(id_, text) for id_, text in TEXTS.items()),
            answers("q-1", "p-a"),
            answers("q-2", "p-b"),
        ],
    )
    return project


def mined(store: Store, project: Project, query: str = "q-1") -> dict[str, str]:
    """passage_id → explanation of what is mined and not stale."""
    return {
        one.passage_id: one.explanation
        for one in store.judgments(project.id, query_ids=[query])
        if one.strategy is Strategy.MINED and not one.stale
    }


def run(store: Store, project: Project, *searches: Scripted, **mining: object):
    chosen = Mining.model_validate({"skip": 0, "hardest": True} | mining)
    return mine(store, project, list(searches), TEXTS, mining=chosen)


def test_what_scores_nearly_like_the_positive_is_left_out(store: Store, project: Project) -> None:
    ranking = {"p-c": 12.0, "p-a": 10.0, "p-d": 9.6, "p-e": 9.5, "p-f": 5.0, "p-g": 4.0}
    report = run(store, project, Scripted("bm25", {"q-1": ranking}), negatives=2)
    assert mined(store, project) == {
        "p-e": "rank 4 of bm25, 0.95 of the positive's score",
        "p-f": "rank 5 of bm25, 0.50 of the positive's score",
    }
    judgment = store.judgments(project.id, passage_ids=["p-e"])[0]
    assert (judgment.grade, judgment.source) == (0, JudgmentSource.GENERATOR)
    assert (judgment.provenance.source, judgment.provenance.model) == ("corpus", "bm25")
    assert (report.made, report.present) == (2, 0)
    assert "left out, for they may answer: 2" in report.notes
    assert "bm25 ranks no positive high enough for 1 queries" in report.notes


def test_ranks_outside_the_window_are_passed_over(store: Store, project: Project) -> None:
    texts = TEXTS | {f"p-{index}": f"another passage, number {index}" for index in range(22)}
    assert len(texts) == 30
    ranking = {"p-a": 10.0, "p-c": 8.0, "p-d": 7.0, "p-e": 6.0, "p-f": 5.0}
    search = Scripted("bm25", {"q-1": ranking})
    mine(store, project, [search], texts, mining=Mining(skip=3, depth=4, hardest=True))
    assert set(mined(store, project)) == {"p-e"}


def test_no_more_than_a_tenth_of_the_passages_is_passed_over(
    store: Store, project: Project
) -> None:
    ranking = {"p-a": 10.0, "p-c": 8.0, "p-d": 7.0}
    run(store, project, Scripted("bm25", {"q-1": ranking}), skip=500)
    assert set(mined(store, project)) == {"p-c", "p-d"}  # of eight passages, none


def test_negatives_are_drawn_from_the_window_the_same_ones_each_time(
    store: Store, project: Project
) -> None:
    ids = [f"p-{index:03}" for index in range(200)]
    for one in ids:
        store.add(project.id, [passage(one, f"another passage, number {one}")])
    texts = TEXTS | {one: f"another passage, number {one}" for one in ids}
    ranking = {"p-a": 10.0} | {one: 9.0 - rank / 100 for rank, one in enumerate(ids)}
    search = Scripted("bm25", {"q-1": ranking, "q-2": {"p-b": 10.0, **ranking}})
    mine(store, project, [search], texts)
    first, other = set(mined(store, project)), set(mined(store, project, "q-2"))
    assert len(first) == 4
    assert not first & set(ids[:19])  # ranks 1 to 20 are the positive and these
    assert first != set(ids[19:23])
    assert first != other
    report = mine(store, project, [search], texts)
    assert (report.made, report.present) == (0, 8)


def test_searches_take_turns_and_share_what_both_find(store: Store, project: Project) -> None:
    one = {"p-a": 10.0, "p-c": 8.0, "p-d": 7.0, "p-e": 6.0}
    two = {"p-a": 1.0, "p-c": 0.8, "p-f": 0.7, "p-g": 0.6}
    report = run(store, project, Scripted("bm25", {"q-1": one}), Scripted("tiny", {"q-1": two}))
    assert {id_: why.split(",")[0] for id_, why in mined(store, project).items()} == {
        "p-c": "rank 2 of bm25",
        "p-d": "rank 3 of bm25",
        "p-f": "rank 3 of tiny",
        "p-e": "rank 4 of bm25",
    }
    assert report.notes[0] == "2 queries: 3 by bm25, 1 by tiny"


def test_what_one_search_ranks_as_high_as_the_positive_no_search_may_offer(
    store: Store, project: Project
) -> None:
    one = Scripted("bm25", {"q-1": {"p-a": 10.0, "p-c": 8.0, "p-d": 7.0}})
    two = Scripted("tiny", {"q-1": {"p-c": 1.2, "p-a": 1.0, "p-e": 0.5}})
    run(store, project, one, two)
    assert set(mined(store, project)) == {"p-d", "p-e"}
    run(store, project, one, two, agree=False)
    assert set(mined(store, project)) == {"p-c", "p-d", "p-e"}
    blind = Scripted("tiny", {"q-1": {"p-c": 1.2, "p-e": 0.5}})  # without its positive, no bar
    run(store, project, one, blind)
    assert set(mined(store, project)) == {"p-c", "p-d"}


def test_the_best_positive_is_the_bar_and_no_positive_is_a_negative(
    store: Store, project: Project
) -> None:
    store.add(project.id, [answers("q-1", "p-c")])
    ranking = {"p-d": 9.0, "p-c": 10.0, "p-a": 2.0, "p-e": 1.0}
    run(store, project, Scripted("bm25", {"q-1": ranking}))
    assert set(mined(store, project)) == {"p-d", "p-e"}


def test_answers_of_other_queries_may_be_negatives_and_are_marked(
    store: Store, project: Project
) -> None:
    run(store, project, Scripted("bm25", {"q-1": {"p-a": 10.0, "p-b": 5.0}}))
    assert mined(store, project) == {
        "p-b": "rank 2 of bm25, 0.50 of the positive's score, and it answers another query"
    }


def test_near_duplicates_of_the_positive_and_its_overlapping_neighbours_are_left_out(
    store: Store, project: Project
) -> None:
    digest = "0123456789abcdef0123"
    neighbour, far = f"p-{digest}-80-200", f"p-{digest}-100-200"
    span = SourceSpan(document=f"d-{digest}", start=0, end=100)
    place = Provenance(source="corpus", span=span)
    store.add(project.id, [passage(f"p-{digest}-0-100", words("own"), provenance=place)])
    store.add(project.id, [answers("q-1", f"p-{digest}-0-100")])
    texts = {
        **TEXTS,
        "p-c": words("a") + " end",
        neighbour: words("neighbour"),
        far: words("far"),
    }
    store.add(project.id, [passage(id_, texts[id_]) for id_ in (neighbour, far)])
    ranking = {"p-a": 10.0, "p-c": 8.0, neighbour: 7.0, far: 6.0}
    mine(store, project, [Scripted("bm25", {"q-1": ranking})], texts)
    assert set(mined(store, project)) == {far}


def test_a_second_round_replaces_what_nobody_reviewed(store: Store, project: Project) -> None:
    first = {"p-a": 10.0, "p-c": 8.0, "p-d": 7.0, "p-e": 6.0}
    run(store, project, Scripted("bm25", {"q-1": first}), negatives=3)
    store.grade(project.id, [Given("q-1", "p-c", grade=0)], who="expert")
    second = {"p-a": 1.0, "p-d": 0.5, "p-f": 0.4, "p-c": 0.3}
    report = run(store, project, Scripted("tuned", {"q-1": second}), negatives=3)
    assert mined(store, project) == {
        "p-c": "rank 2 of bm25, 0.80 of the positive's score",
        "p-d": "rank 2 of tuned, 0.50 of the positive's score",
        "p-f": "rank 3 of tuned, 0.40 of the positive's score",
    }
    assert "stale, for this round chose others: 1" in report.notes
    assert len(store.judgments(project.id, query_ids=["q-1"])) == 6  # nothing was deleted
    again = run(store, project, Scripted("tuned", {"q-1": second}), negatives=3)
    assert (again.made, again.present) == (0, 2)


def test_the_judge_guards_against_false_negatives(store: Store, project: Project) -> None:
    ranking = {"p-a": 10.0, "p-c": 8.0, "p-d": 7.0}
    search = Scripted("bm25", {"q-1": ranking})
    run(store, project, search)
    judged = {"p-a": (3, 0.9), "p-c": (3, 0.9), "p-d": (0, 0.1)}
    store.add(
        project.id,
        [
            answers("q-1", id_, grade).model_copy(
                update={"id": f"judge-{id_}", "source": JudgmentSource.JUDGE, "score": score}
            )
            for id_, (grade, score) in judged.items()
        ],
    )
    for _ in range(2):  # what was taken back is not chosen again
        run(store, project, search)
        assert set(mined(store, project)) == {"p-d"}


def test_queries_out_of_use_are_not_mined_for(store: Store, project: Project) -> None:
    search = Scripted("bm25", {f"q-{n}": {"p-a": 9.0, "p-b": 9.0, "p-c": 1.0} for n in (1, 2)})
    store.set_status(project.id, Query, ["q-1"], Status.REJECTED, who="expert")
    run(store, project, search)
    assert mined(store, project) == {}
    assert set(mined(store, project, "q-2")) == {"p-c"}
    store.set_status(project.id, Query, ["q-2"], Status.REJECTED, who="expert")
    with pytest.raises(InputError, match="no query has a passage that answers it"):
        run(store, project, search)
    with pytest.raises(InputError, match="distiller ingest"):
        mine(store, project, [search], {})


def test_mined_negatives_are_trained_on_unjudged_and_mixed_with_written_ones(
    store: Store, project: Project
) -> None:
    store.add(
        project.id,
        [
            *(Passage(id=f"p-w{n}", text=words(f"written{n}")) for n in (1, 2)),
            *(answers("q-1", f"p-w{n}", grade=0) for n in (1, 2)),
        ],
    )
    judged = {"p-a": 3, "p-w1": 0, "p-w2": 0}
    store.add(
        project.id,
        [
            answers("q-1", id_, grade).model_copy(
                update={"id": f"judge-{id_}", "source": JudgmentSource.JUDGE}
            )
            for id_, grade in judged.items()
        ],
    )
    run(store, project, Scripted("bm25", {"q-1": {"p-a": 9.0, "p-c": 2.0, "p-d": 1.0}}))
    (example,) = [one for one in assemble(store, project) if one.query_id == "q-1"]
    assert [(one.passage_id, one.strategy) for one in example.negatives] == [
        ("p-c", "mined"),
        ("p-w1", "standard"),
        ("p-d", "mined"),
        ("p-w2", "standard"),
    ]
    strict = put_together(gather(store, project, trust_mined=False))
    (example,) = [one for one in strict.examples if one.query_id == "q-1"]
    assert [one.passage_id for one in example.negatives] == ["p-w1", "p-w2"]
    assert freeze(store, project).filters["trust_mined"] is True
    # One approved pair makes a project a reviewed one; mined negatives count all the same.
    store.set_status(project.id, Judgment, ["j-q-1-p-a"], Status.APPROVED, who="expert")
    store.grade(project.id, [Given("q-1", "p-a", grade=3)], who="expert")
    (example,) = assemble(store, project)
    assert [one.passage_id for one in example.negatives] == ["p-c", "p-d"]


def test_replaced_and_rejected_negatives_are_not_trained_on(store: Store, project: Project) -> None:
    search = {"p-a": 9.0, "p-c": 2.0, "p-d": 1.0, "p-e": 0.5}
    run(store, project, Scripted("bm25", {"q-1": search}), negatives=3)
    store.set_status(project.id, Passage, ["p-c"], Status.REJECTED, who="expert")
    store.add(
        project.id,
        [
            answers("q-1", "p-d", 0).model_copy(
                update={"id": "judge-d", "source": JudgmentSource.JUDGE, "strategy": Strategy.MINED}
            )
        ],
    )
    run(store, project, Scripted("bm25", {"q-1": {"p-a": 9.0, "p-f": 1.0}}), negatives=1)
    material = gather(store, project)
    material.has_judge = False
    example = put_together(material).examples[0]
    assert [one.passage_id for one in example.negatives] == ["p-f"]


def test_bm25_and_the_start_model_mine_a_real_corpus(store: Store, tmp_path: Path) -> None:
    project = store.create_project(Domain(name="Tenancy"))
    texts = [
        "The landlord must return the deposit within two weeks.",
        "The landlord must return the keys to the tenant.",
        "The tenant must pay the deposit before moving in.",
        "Cats are allowed in the flat.",
    ]
    store.add(
        project.id,
        [
            Query(id="q", query="when does the landlord return the deposit"),
            *(passage(f"p-{at}", text) for at, text in enumerate(texts)),
            # A positive that was written, and is in no document.
            Passage(id="p-w", text="A landlord returns the deposit to the tenant in two weeks."),
            answers("q", "p-w"),
        ],
    )
    settings = Settings(workspace=tmp_path / "workspace")
    report = mine_corpus(store, project, settings, ["bm25", "tiny"])
    found = mined(store, project, "q")
    assert "p-w" not in found
    assert report.made == len(found) > 0
    mine_corpus(store, project, settings, ["tiny"])
    assert all(" of tiny, 0." in why for why in mined(store, project, "q").values())
    assert (tmp_path / "workspace" / "index" / project.id).is_dir()
    with pytest.raises(InputError, match="name each search once"):
        mine_corpus(store, project, settings, ["bm25", "bm25"])
    with pytest.raises((InputError, ModelUnavailable)):
        open_searches(CorpusIndex.of(tmp_path, project), {"p": "x"}, ["./none"], settings.cache_dir)


def test_queries_that_were_rewritten_are_mined_for_again(store: Store, project: Project) -> None:
    search = Scripted("bm25", {"q-1": {"p-a": 9.0, "p-c": 2.0}, "q-2": {"p-b": 9.0, "p-d": 2.0}})

    def lost() -> int:
        return rewritten(gather(store, project, retired=True))

    assert lost() == 0, "nothing was mined"
    run(store, project, search)
    assert lost() == 0
    asked = store.get(Query, "q-1").model_copy(update={"query": "first question, in other words"})
    store.edit(asked, who="model")
    judge = {"id": "judge-a", "source": JudgmentSource.JUDGE}
    # The judge's word on the new query: on the topic, and no answer. It is mined for all the same.
    store.add(project.id, [answers("q-1", "p-a", 1).model_copy(update=judge)])
    assert mined(store, project) == {}
    assert lost() == 1
    run(store, project, search)
    assert list(mined(store, project)) == ["p-c"]
    assert lost() == 0

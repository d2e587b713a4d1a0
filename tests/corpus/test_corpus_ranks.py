"""Rankings that are kept for the checks: the same as fresh ones, and only made for what is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.corpus import ranks as module
from distiller.corpus.index import CorpusIndex, model_fingerprint
from distiller.corpus.ranks import KeptRanks
from distiller.dataset import check_project
from distiller.dataset.evidence import WORD_SEARCH, by_words, in_use
from distiller.retrieve import BM25
from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, Origin, Passage, Query
from distiller.settings import Settings
from distiller.splade import SpladeEncoder
from distiller.splade.start import resolve
from distiller.store import Store

QUERIES = {"q0": "who pays the rent of flat 3", "q1": "deposit of dwelling 7", "q2": "zebra"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path)


@pytest.fixture
def project(store: Store) -> Project:
    project = store.create_project(Domain(name="residential tenancy law"))
    texts = [f"The tenant of flat {n} pays rent and a deposit of {n} sums." for n in range(40)]
    passages = [Passage(id=f"p{n}", text=t, origin=Origin.CORPUS) for n, t in enumerate(texts)]
    queries = [Query(id=id_, query=text) for id_, text in QUERIES.items()]
    answers = [Judgment(id="j", query_id="q0", passage_id="p3", grade=3)]
    store.add(project.id, [*passages, *queries, *answers])
    return project


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were searched for with BM25."""
    texts: list[str] = []
    real = BM25.retrieve

    def retrieve(self: BM25, queries: dict[str, str], k: int = 1000) -> object:
        texts.extend(queries.values())
        return real(self, queries, k)

    monkeypatch.setattr(BM25, "retrieve", retrieve)
    return texts


def close(one: object, other: object) -> bool:
    return {q: dict(found) for q, found in one.items()} == {  # type: ignore[attr-defined]
        q: {p: pytest.approx(score, rel=1e-6) for p, score in found.items()}
        for q, found in other.items()  # type: ignore[attr-defined]
    }


def test_kept_rankings_are_those_of_a_fresh_index(
    store: Store, project: Project, settings: Settings
) -> None:
    passages = in_use(store, project)
    fresh = by_words("en")(passages, QUERIES)[WORD_SEARCH]
    for _ in range(2):
        kept = KeptRanks(settings, project)(passages, QUERIES)
        assert list(kept) == [WORD_SEARCH]
        assert close(kept[WORD_SEARCH], fresh)
        assert kept[WORD_SEARCH]["q2"] == {}
        assert "nobody" not in kept[WORD_SEARCH]


def test_only_what_is_new_is_searched_for_until_the_passages_change(
    store: Store, project: Project, settings: Settings, searched: list[str]
) -> None:
    rank = KeptRanks(settings, project)
    check_project(store, project, ranker=rank)
    assert sorted(searched) == sorted(QUERIES.values())
    searched.clear()
    store.edit(store.get(Query, "q2").model_copy(update={"query": "late rent"}), who="ada")
    assert check_project(store, project, ranker=rank).looked == 1
    assert searched == ["late rent"]
    searched.clear()
    store.set_status(project.id, Passage, ["p9"], Status.REJECTED, who="ada")
    found = check_project(store, project, ranker=rank)
    assert len(searched) == 3
    assert not any("p9" in found.evidence.rankings[WORD_SEARCH][id_] for id_ in QUERIES)
    assert len(list(CorpusIndex.of(settings.workspace, project).folder.glob("ranks-*"))) == 1


def test_the_start_model_takes_part_where_it_has_encoded_the_passages(
    store: Store, project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SpladeEncoder(resolve("tiny", settings.cache_dir).source)
    passages = in_use(store, project)
    index = CorpusIndex.of(settings.workspace, project)
    rank = KeptRanks(settings, project)
    texts = passages.texts()
    fingerprint = model_fingerprint(Path(resolve("tiny", settings.cache_dir).source))
    index.sparse(dict(list(texts.items())[:10]), encoder, fingerprint)
    assert list(rank(passages, QUERIES)) == [WORD_SEARCH], "it has encoded few of them"
    fresh = index.sparse(texts, encoder, fingerprint).retrieve(QUERIES, 100)
    found = rank(passages, QUERIES)
    assert list(found) == [WORD_SEARCH, "the model tiny"]
    assert close(found["the model tiny"], fresh)
    monkeypatch.setattr(module, "open_searches", None)  # nothing is opened a second time
    assert close(rank(passages, QUERIES)["the model tiny"], fresh)
    checked = check_project(store, project, ranker=rank)
    assert list(checked.evidence.rankings) == [WORD_SEARCH, "the model tiny"]

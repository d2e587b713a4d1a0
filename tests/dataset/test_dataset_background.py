"""Which passages of a corpus dev and test queries are ranked among, and that they travel."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from distiller.dataset import (
    content_hash,
    freeze,
    import_file,
    read,
    read_contents,
    refreeze,
    snapshot_of,
    write,
)
from distiller.dataset.assembly import gather
from distiller.dataset.background import MOST, choose_background, unlabelled
from distiller.dataset.splitting import FRACTIONS, usual_fractions
from distiller.schema.base import Provenance, Status
from distiller.schema.dataset import Example, LabelledPassage, UnlabelledPassage
from distiller.schema.domain import Domain, Project
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
from distiller.store.documents import CorpusText

WORDS = [f"{first}{last}" for first in "bcdfghklmn" for last in ("aro", "elin", "ito", "osum")]


def prose(seed: str) -> str:
    """Forty words that no other seed has in that order."""
    return " ".join(random.Random(seed).choices(WORDS, k=40))


def corpus(count: int, start: int = 0) -> list[CorpusText]:
    return [CorpusText(f"c{n}", "", prose(f"c{n}"), False) for n in range(start, start + count)]


def example(number: int, split: str, query: str = "") -> Example:
    return Example.model_validate(
        {
            "query_id": f"q{number}",
            "query": query or f"question {number}",
            "positives": [
                LabelledPassage(passage_id=f"p{number}", text=prose(f"p{number}"), grade=3)
            ],
            "negatives": [
                LabelledPassage(passage_id=f"n{number}", text=prose(f"n{number}"), grade=0)
            ],
            "split": split,
        }
    )


EXAMPLES = [example(1, "train"), example(2, "val"), example(3, "test")]


def chosen(texts: list[CorpusText], examples: list[Example] = EXAMPLES, **asked: int) -> set[str]:
    found = choose_background(unlabelled(texts, examples), examples, **asked)
    return {passage.passage_id for passage in found.passages}


def test_a_small_corpus_comes_whole_without_what_is_labelled_and_its_copies() -> None:
    positive, negative = EXAMPLES[0].positives[0], EXAMPLES[1].negatives[0]
    near = " ".join([*positive.text.split()[:-1], "instead"])
    texts = [
        *corpus(5),
        CorpusText("p1", "", positive.text, False),
        CorpusText("copy", "", positive.text, False),
        CorpusText("titled copy", "A title", positive.text, False),
        CorpusText("near", "", near, False),
        CorpusText("another n2", "", negative.text, False),
        CorpusText("z-c0", "", prose("c0"), False),
    ]
    found = choose_background(unlabelled(texts, EXAMPLES), EXAMPLES)
    assert {one.passage_id for one in found.passages} == {f"c{n}" for n in range(5)}
    assert found.of == 5


def test_what_somebody_said_answers_stays_out_with_its_likes() -> None:
    near = " ".join([*prose("c0").split()[:-1], "instead"])
    texts = [*corpus(3), CorpusText("near", "", near, False)]
    answers = [prose("c0")]
    free = unlabelled(texts, EXAMPLES, answers)
    found = choose_background(free, EXAMPLES, answers=answers)
    assert {one.passage_id for one in found.passages} == {"c1", "c2"}


def test_of_a_large_corpus_half_is_what_bm25_finds_for_held_out_queries() -> None:
    texts = corpus(400)
    hard = [CorpusText(f"h{n}", "", f"{prose(f'h{n}')} heron", False) for n in range(8)]
    easy = [CorpusText(f"e{n}", "", f"{prose(f'e{n}')} walrus", False) for n in range(8)]
    examples = [example(1, "train", "walrus"), example(2, "val", "heron")]
    found = chosen([*texts, *hard, *easy], examples, most=20)
    assert len(found) == 20
    assert {one.id for one in hard} <= found
    assert len(found & {one.id for one in easy}) < 4


def test_each_held_out_query_gets_its_share_of_what_is_hard() -> None:
    heron = [CorpusText(f"h{n}", "", f"{prose(f'h{n}')} heron", False) for n in range(50)]
    otter = [CorpusText(f"o{n}", "", f"{prose(f'o{n}')} otter", False) for n in range(50)]
    examples = [example(1, "val", "heron"), example(2, "test", "otter")]
    found = chosen([*corpus(1_000), *heron, *otter], examples, most=20)
    drawn = chosen(corpus(1_000), examples, most=20)
    assert sum(id_[0] == "h" for id_ in found - drawn) >= 5
    assert sum(id_[0] == "o" for id_ in found - drawn) >= 5


def test_the_setting_and_freezing_mean_the_same_size() -> None:
    assert Settings.model_fields["background"].default == MOST


def test_further_documents_change_little_and_order_and_names_nothing() -> None:
    before = chosen(corpus(600), most=100)
    after = chosen(corpus(660), most=100)
    assert len(before & after) >= 80
    shuffled = corpus(600)
    random.Random(7).shuffle(shuffled)
    assert chosen(shuffled, most=100) == before
    renamed = [one._replace(id=f"other {one.id}") for one in corpus(600)]
    assert chosen(renamed, most=100) == {f"other {id_}" for id_ in before}


def test_copies_of_positives_give_their_place_to_others() -> None:
    copies = [
        CorpusText(f"copy{n}", "", f"{EXAMPLES[1].positives[0].text} {n}", False) for n in range(50)
    ]
    found = chosen([*corpus(60), *copies], most=55)
    assert len(found) == 55
    assert not any(id_.startswith("copy") for id_ in found)


BACKGROUND = [
    UnlabelledPassage(passage_id="b1", text="Rooms are heated.", title="Heating"),
    UnlabelledPassage(passage_id="b2", text="Dogs need consent."),
]


def test_the_hash_says_what_the_background_is_and_nothing_else() -> None:
    plain = content_hash(EXAMPLES)
    assert content_hash(EXAMPLES, []) == plain == snapshot_of(EXAMPLES).content_hash
    whole = content_hash(EXAMPLES, BACKGROUND)
    renamed = [one.model_copy(update={"passage_id": f"x{one.passage_id}"}) for one in BACKGROUND]
    assert content_hash(EXAMPLES, renamed[::-1]) == whole
    assert len({plain, whole, content_hash(EXAMPLES, BACKGROUND[:1])}) == 3
    made = snapshot_of(EXAMPLES, background=BACKGROUND)
    assert (made.content_hash, made.counts["passages"], made.counts["background"]) == (whole, 6, 2)
    assert made.ranked_among == ("ranked among 8 passages: 6 with a grade, 2 more of the documents")
    assert snapshot_of(EXAMPLES).ranked_among == "ranked among 6 passages, those with a grade"


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("splade", "data.json"),
        ("dataset", "data.json"),
        ("json", "data.json"),
        ("jsonl", "data.jsonl"),
        ("beir", "collection"),
        ("parquet", "data.parquet"),
    ],
)
def test_files_carry_the_background_there_and_back(tmp_path: Path, format: str, name: str) -> None:
    write(EXAMPLES, format, tmp_path / name, background=BACKGROUND)
    found = read_contents(tmp_path / name)
    assert found.examples == EXAMPLES == read(tmp_path / name)
    assert found.background == BACKGROUND
    assert content_hash(*found) == content_hash(EXAMPLES, BACKGROUND)


@pytest.mark.parametrize("format", ["csv", "tsv", "triplets"])
def test_tables_leave_it_out(tmp_path: Path, format: str) -> None:
    path = tmp_path / ("data.parquet" if format == "triplets" else f"data.{format}")
    write(EXAMPLES, format, path, background=BACKGROUND)
    assert read_contents(path).background == []
    assert len(read(path)) == len(EXAMPLES)


def test_split_files_have_it_where_queries_are_ranked(tmp_path: Path) -> None:
    files = write(EXAMPLES, "jsonl", tmp_path / "d.jsonl", split=True, background=BACKGROUND)
    assert [read_contents(file).background for file in files] == [[], BACKGROUND, BACKGROUND]


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project(Domain(name="residential tenancy law"))


def fill(store: Store, project: Project, queries: int, others: int) -> None:
    """Queries with a positive of the corpus each, and other passages of it."""
    named = [f"p{n}" for n in range(queries)] + [f"c{n}" for n in range(others)]
    store.add(
        project.id,
        [
            *(Passage(id=id_, text=prose(id_), origin=Origin.CORPUS) for id_ in named),
            *(
                Query(id=f"q{n}", query=f"{prose(f'q{n}')[:60]}?", key_concepts=[f"concept {n}"])
                for n in range(queries)
            ),
            *(labelled(n, f"p{n}", 3, Strategy.POSITIVE) for n in range(queries)),
        ],
    )


def labelled(
    query: int, passage: str, grade: int, strategy: Strategy, source: str = "corpus"
) -> Judgment:
    return Judgment(
        id=f"j-{query}-{passage}",
        query_id=f"q{query}",
        passage_id=passage,
        grade=grade,
        strategy=strategy,
        source=JudgmentSource.GENERATOR,
        provenance=Provenance(source=source),
    )


def test_frozen_data_carry_usable_corpus_passages_and_are_found_again(
    store: Store, project: Project
) -> None:
    fill(store, project, queries=12, others=20)
    store.add(project.id, [Passage(id="written", text=prose("w"), origin=Origin.GENERATED)])
    store.set_status(project.id, Passage, ["c3"], Status.REJECTED, who="Ana")
    frozen = freeze(store, project)
    usable = {f"c{n}" for n in range(20) if n != 3}
    assert {one.passage_id for one in frozen.background} == usable
    assert frozen.counts["background"] == 19 == frozen.lineage["background_of"]
    assert store.snapshot(frozen.content_hash) == frozen == freeze(store, project)
    (light,) = store.snapshots(project.id, examples=False)
    assert (light.examples, light.background) == ([], [])
    assert light.ranked_among == frozen.ranked_among
    bare = freeze(store, project, background=0)
    assert bare.background == []
    assert bare.content_hash == content_hash(frozen.examples)


def test_a_passage_that_was_found_to_answer_is_no_background(
    store: Store, project: Project
) -> None:
    fill(store, project, queries=6, others=4)
    store.add(
        project.id,
        [
            labelled(1, "c1", 0, Strategy.MINED),
            labelled(1, "c1", 3, Strategy.MINED).model_copy(
                update={"id": "judged", "source": JudgmentSource.JUDGE}
            ),
            *(
                labelled(n, f"p{n}", 3, Strategy.POSITIVE).model_copy(
                    update={"id": f"judged-{n}", "source": JudgmentSource.JUDGE}
                )
                for n in range(6)
            ),
        ],
    )
    frozen = freeze(store, project)
    assert frozen.lineage["excluded"] == {"passage_negative_answers": 1}
    assert {one.passage_id for one in frozen.background} == {"c0", "c2", "c3"}


def test_mined_negatives_that_nobody_trusts_are_background(store: Store, project: Project) -> None:
    fill(store, project, queries=10, others=5)
    before = freeze(store, project)
    store.add(project.id, [labelled(n, f"c{n % 5}", 0, Strategy.MINED) for n in range(10)])
    mined = freeze(store, project)
    assert sum(len(one.negatives) for one in mined.examples) > 0
    strict = freeze(store, project, gather(store, project, trust_mined=False))
    assert strict.lineage["excluded"] == {}  # the snapshot from before, found by its hash
    assert strict.id == before.id
    assert refreeze(store, project, mined).content_hash == mined.content_hash
    bare = freeze(store, project, gather(store, project, trust_mined=False), background=0)
    assert refreeze(store, project, bare).content_hash == before.content_hash


def test_a_hundred_queries_with_documents_have_more_dev_queries(
    store: Store, project: Project
) -> None:
    assert usual_fractions(99) == usual_fractions(300) == FRACTIONS
    for queries, dev in ((100, 20), (150, 30), (200, 30), (299, 30)):
        fractions = usual_fractions(queries)
        assert sum(fractions) == pytest.approx(1)
        assert (round(queries * fractions[1]), fractions[2]) == (dev, 0.1)
    fill(store, project, queries=100, others=0)
    assert freeze(store, project).counts["val"] == 10
    store.add(project.id, [Passage(id="c", text=prose("c"), origin=Origin.CORPUS)])
    with_documents = freeze(store, project)
    assert with_documents.counts["val"] == 20
    assert with_documents.filters["fractions"] == [0.7, 0.2, 0.1]
    own = freeze(store, project, fractions=FRACTIONS)
    assert own.counts["val"] == 10


@pytest.mark.parametrize(
    ("format", "name"),
    [("jsonl", "data.jsonl"), ("beir", "collection"), ("parquet", "data.parquet")],
)
def test_an_imported_file_keeps_its_background(
    store: Store, project: Project, tmp_path: Path, format: str, name: str
) -> None:
    fill(store, project, queries=12, others=20)
    frozen = freeze(store, project)
    path = tmp_path / name
    write(frozen.examples, format, path, background=frozen.background)
    other = store.create_project(Domain(name="the same again"))
    report = import_file(store, other, path)
    assert report.added["passage"] == 32
    assert report.notes == []
    again = freeze(store, other)
    assert {one.text for one in again.background} == {one.text for one in frozen.background}
    assert import_file(store, other, path).added == {}

"""The Passages page."""

from __future__ import annotations

import pytest

from distiller.review import PairFilter, give_grade, pair_queue
from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.store import Given, Store

PAGE = "curate/passages.py"
REVIEWER, JUDGE = JudgmentSource.REVIEWER, JudgmentSource.JUDGE
HOSTILE = (
    "<script>document.title='x'</script><img src=x onerror=alert(1)> **bold** :red[r] :tada: "
    "$x^2$ [l](http://a.b) שלום \u202eabc 🏠 rent"
)


def press(test, label: str):
    button = next(b for b in test.button if b.label == label)
    return button.click().run()


def html(test) -> str:
    return "".join(block.proto.body for block in test.get("html"))


def item(test) -> str:
    found = test.query_params["item"]
    return found if isinstance(found, str) else found[0]


def captions(test) -> str:
    return " ".join(caption.value for caption in test.caption)


@pytest.fixture
def pair(store: Store) -> Project:
    """One query, an answer, and a negative that the judge takes for an answer."""
    project = store.create_project(Domain(name="rent"))
    store.add(
        project.id,
        [
            Query(id="q", query="who pays the rent"),
            Passage(id="yes", text="The tenant pays rents."),
            Passage(id="no", text="A deposit is paid once."),
            Judgment(
                id="j-yes", query_id="q", passage_id="yes", grade=3, strategy=Strategy.POSITIVE
            ),
            Judgment(
                id="j-no",
                query_id="q",
                passage_id="no",
                grade=0,
                strategy=Strategy.TOPICAL_SHIFT,
                explanation="About the *deposit*.",
            ),
            Judgment(id="judge", query_id="q", passage_id="no", grade=2, source=JUDGE),
        ],
    )
    return project


def test_without_a_project_it_says_how_to_begin(run_page):
    test = run_page(PAGE)
    assert not test.exception
    assert "no project yet" in test.info[0].value


def test_without_passages_it_says_what_they_are(run_page, store: Store):
    store.create_project(Domain(name="empty"))
    test = run_page(PAGE)
    assert not test.exception
    assert "No passage is written yet" in test.info[0].value


def test_grades_go_to_the_next_pair_and_undo_comes_back(run_page, store, example: Project):
    test = run_page(PAGE)
    assert not test.exception
    first = item(test)
    press(test, "Does not answer")
    assert item(test) != first
    [given] = store.judgments(example.id, sources=[REVIEWER])
    assert (given.grade, given.status, given.provenance.editor) == (0, "approved", "ada")
    [event] = [e for e in store.events(example.id) if e.action == "grade"]
    assert event.seconds is not None
    second = item(test)
    press(test, "Answers fully")
    press(test, "Undo")
    assert item(test) == second
    press(test, "Undo")
    assert item(test) == first
    assert store.judgments(example.id, sources=[REVIEWER]) == []


def test_undo_works_in_a_new_session(run_page, store: Store, example: Project):
    test = run_page(PAGE)
    first = item(test)
    press(test, "Answers partly")
    again = run_page(PAGE)
    press(again, "Undo")
    assert item(again) == first
    assert store.judgments(example.id, sources=[REVIEWER]) == []


def test_the_judge_stays_hidden_until_the_reviewer_has_decided(run_page, store, pair: Project):
    test = run_page(PAGE)
    assert item(test) == "j-no"
    assert "judge" not in captions(test).lower()
    press(test, "Does not answer")
    assert "You said 0, does not answer. The judge had said 2" in captions(test)
    press(test, "Look again")
    assert item(test) == "j-no"
    assert "The judge graded it 2" in captions(test)


def test_the_table_hides_the_judge_as_well(run_page, store: Store, pair: Project):
    test = run_page(PAGE, mode="Table")
    assert test.dataframe[0].value["Judge"].isna().all()
    store.grade(pair.id, [Given("q", "no", 0)], who="ada")
    assert list(run_page(PAGE, mode="Table").dataframe[0].value["Judge"].dropna()) == [2]


def test_a_hidden_answer_is_one_key_and_says_why(run_page, store: Store, pair: Project):
    test = press(run_page(PAGE), "This one actually answers it")
    [given] = store.judgments(pair.id, sources=[REVIEWER])
    assert (given.passage_id, given.grade, given.explanation) == ("no", 3, "answers after all")
    assert item(test) == "j-yes"
    assert all(button.label != "This one actually answers it" for button in test.button)


def test_the_reason_is_kept_with_the_grade(run_page, store: Store, pair: Project):
    test = run_page(PAGE)
    why = next(field for field in test.text_input if field.label.startswith("Why"))
    why.set_value("another sum")
    press(test, "On topic only")
    [given] = store.judgments(pair.id, sources=[REVIEWER])
    assert (given.grade, given.explanation) == (1, "another sum")


def test_a_rejection_keeps_its_reason_and_can_be_undone(run_page, store: Store, pair: Project):
    test = press(run_page(PAGE), "wrong facts")
    assert store.get(Passage, "no").status is Status.REJECTED
    [event] = [e for e in store.events(pair.id) if e.action == "reject"]
    assert (event.who, event.reason) == ("ada", "wrong facts")
    assert "The passage before is rejected" in captions(test)
    press(test, "Undo")
    assert item(test) == "j-no"
    assert store.get(Passage, "no").status is Status.PROPOSED


def test_another_reviewers_grade_is_not_overwritten(run_page, store: Store, pair: Project):
    test = run_page(PAGE)
    card = pair_queue(store, pair.id, PairFilter())
    assert card
    give_grade(store, pair.id, card, 3, who="bea")
    press(test, "Does not answer")
    assert "Somebody else" in test.warning[0].value
    [given] = store.judgments(pair.id, sources=[REVIEWER])
    assert (given.grade, given.provenance.editor) == (3, "bea")


def test_skipping_comes_to_every_pair_and_back(run_page, pair: Project):
    test = run_page(PAGE)
    seen = [item(test)]
    for _ in range(2):
        press(test, "Skip")
        seen.append(item(test))
    assert seen == ["j-no", "j-yes", "j-no"]


def test_an_edit_says_what_becomes_stale_and_waits_again(run_page, store: Store, pair: Project):
    store.grade(pair.id, [Given("q", "no", 0)], who="ada")
    test = run_page(PAGE, item="j-no")
    press(test, "Edit")
    assert "3 judgments of passages rest on this" in captions(test)
    area = next(area for area in test.text_area if area.label == "Passage")
    area.set_value("Rent is paid monthly.")
    press(test, "Save")
    assert not test.exception
    assert store.get(Passage, "no").text == "Rent is paid monthly."
    assert store.count_pairs(pair.id, PairFilter(decided=False)) == 2


def test_the_second_editor_sees_both_texts(run_page, store: Store, pair: Project):
    test = press(run_page(PAGE, item="j-no"), "Edit")
    passage = store.get(Passage, "no")
    store.edit(passage.model_copy(update={"text": "theirs"}), who="bea")
    area = next(area for area in test.text_area if area.label == "Passage")
    area.set_value("mine")
    press(test, "Save")
    assert {"mine", "theirs"} <= {text.value for text in test.text}
    assert store.get(Passage, "no").text == "theirs"


def test_history_tells_what_was_taken_back(run_page, store: Store, pair: Project):
    group = store.grade(pair.id, [Given("q", "no", 3, explanation="it does")], who="bea")
    store.undo(pair.id, group)
    lines = [text.value for text in run_page(PAGE, item="j-no").text]
    assert any("bea: grade 3 (it does)" in line for line in lines)
    assert any("bea: undo" in line for line in lines)


def test_shared_words_are_marked(run_page, pair: Project):
    shown = html(run_page(PAGE, item="j-yes"))
    for word in ("rent", "rents", "pays"):
        assert f">{word}</mark>" in shown
    assert ">The</mark>" not in shown


def test_foreign_text_is_text(run_page, store: Store):
    project = store.create_project(Domain(name="hostile", language="en"))
    store.add(
        project.id,
        [
            Query(id="q", query=HOSTILE, type=HOSTILE, persona=HOSTILE),
            Passage(id="p", text=HOSTILE, title=HOSTILE),
            Passage(id="r", text=HOSTILE + " 2", title=HOSTILE),
            Judgment(id="j", query_id="q", passage_id="p", grade=0, explanation=HOSTILE),
            Judgment(id="k", query_id="q", passage_id="r", grade=3, explanation=HOSTILE),
        ],
    )
    for address in ({}, {"mode": "Table"}, {"query": "q"}):
        test = run_page(PAGE, project=project.name, **address)
        assert not test.exception
        shown = html(test)
        assert "<script" not in shown
        assert "<img" not in shown
        written = " ".join(
            element.value for element in [*test.markdown, *test.caption, *test.warning, *test.info]
        )
        for sign in ("**bold**", ":red[", "<script", "$x^2$", "[l](http"):
            assert sign not in written.replace("\\<", "")


def test_forged_state_counts_as_absent(run_page, store: Store, example: Project):
    test = run_page(
        PAGE, mode="Nothing", strategy="<b>", status="owned", written="both", decided="maybe"
    )
    assert not test.exception
    assert test.get("progress")
    test = run_page(PAGE, item="nothing", query="nothing")
    assert not test.exception
    assert len(test.error) == 2


def test_a_pair_of_another_project_is_refused(run_page, store: Store, example, pair: Project):
    test = run_page(PAGE, project=example.name, item="j-no")
    assert not test.exception
    assert "has no such passage" in test.error[0].value
    assert "deposit is paid once" not in html(test)


def test_filters_and_the_item_stand_in_the_address(run_page, store: Store, example: Project):
    test = run_page(PAGE, mode="Table", written="negative", text="rent", strategy="topical_shift")
    assert not test.exception
    frame = test.dataframe[0].value
    assert set(frame["How it was made"]) == {"neighbouring subject"}
    assert frame["Query"].str.contains("rent", case=False).all()
    chosen = frame.index[-1]
    assert item(run_page(PAGE, mode="Focus", item=chosen)) == chosen


def test_one_querys_passages(run_page, store: Store, example: Project):
    [query] = store.items(example.id, Query, limit=1)
    test = run_page(PAGE, mode="Table", query=query.id)
    assert len(test.dataframe[0].value) == 4
    press(test, "Show those of all queries")
    assert len(test.dataframe[0].value) == 25


def test_all_filtered_are_decided_as_one_step(run_page, store: Store, example: Project):
    test = run_page(PAGE, mode="Table", written="positive")
    press(test, "Agree with the writer's grade: all 120 passages")
    assert not test.exception
    assert {one.grade for one in store.judgments(example.id, sources=[REVIEWER])} == {3}
    [step] = store.steps(example.id, who="ada")
    assert step.count == 120


def test_a_row_is_opened_without_a_mouse(run_page, store: Store, example: Project):
    test = run_page(PAGE, mode="Table")
    chosen = test.dataframe[0].value.index[3]
    box = next(box for box in test.selectbox if box.label == "Open one passage")
    box.set_value(chosen).run()
    press(test, "Look at it")
    assert not test.exception
    assert item(test) == chosen
    assert any(button.label == "Answers fully" for button in test.button)

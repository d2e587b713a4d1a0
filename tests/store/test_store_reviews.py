"""Decisions, edits, what they make stale, and undoing them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from distiller.schema.base import Item, Status
from distiller.schema.domain import Project
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store

DEPOSIT = Concept(id="c-1", term="Deposit", definition="Money held.")
RENT = Concept(id="c-2", term="Rent", definition="Money paid.")
ABOUT_DEPOSIT = Query(id="q-1", query="who keeps the deposit", key_concepts=["deposit "])
ABOUT_RENT = Query(id="q-2", query="when is rent due", key_concepts=["rent"])
PASSAGE = Passage(id="d-1", text="A landlord protects the deposit.")
OTHER_PASSAGE = Passage(id="d-2", text="Rent falls due monthly.")
JUDGMENTS = [
    Judgment(id="j-1", query_id="q-1", passage_id="d-1", grade=3),
    Judgment(id="j-2", query_id="q-1", passage_id="d-2", grade=0),
    Judgment(id="j-3", query_id="q-2", passage_id="d-2", grade=3),
]
ALL: list[Item] = [
    DEPOSIT,
    RENT,
    ABOUT_DEPOSIT,
    ABOUT_RENT,
    PASSAGE,
    OTHER_PASSAGE,
    *JUDGMENTS,
]


@pytest.fixture
def filled(store: Store, project: Project) -> Store:
    assert store.add(project.id, ALL) == ALL
    return store


def stale_ids(store: Store, project: Project) -> set[str]:
    return {
        item.id
        for kind in (Concept, Query, Passage, Judgment)
        for item in store.items(project.id, kind, where={"stale": True})
    }


def group_of_newest(store: Store, project: Project, item_id: str) -> str:
    group = store.events(project.id, item_id)[-1].group
    assert group is not None
    return group


def test_decision_sets_status_and_logs_one_event_per_item(filled: Store, project: Project) -> None:
    group = filled.set_status(
        project.id, Query, ["q-1", "q-2"], Status.APPROVED, who="Ada", reason="fine", seconds=8.0
    )
    assert [query.status for query in filled.items(project.id, Query)] == [Status.APPROVED] * 2
    logged = filled.events(project.id, group=group)
    assert [(event.item_id, event.action, event.who) for event in logged] == [
        ("q-1", "approve", "Ada"),
        ("q-2", "approve", "Ada"),
    ]
    assert logged[0].old == {"status": "proposed"}
    assert logged[0].new == {"status": "approved"}
    assert logged[0].reason == "fine"
    assert logged[0].seconds == 8.0 / 2
    assert filled.get(Query, "q-1").version == 1 + 1


def test_action_is_named_for_the_decision(filled: Store, project: Project) -> None:
    for status in ("approved", "rejected", "flagged", "proposed"):
        filled.set_status(project.id, Passage, ["d-1"], Status(status), who="Ada")
        assert filled.get(Passage, "d-1").status == status
    actions = [event.action for event in filled.events(project.id, "d-1")]
    assert actions == ["approve", "reject", "flag", "reset"]


def test_decision_about_an_absent_item_changes_nothing(filled: Store, project: Project) -> None:
    with pytest.raises(NotFound, match="q-9"):
        filled.set_status(project.id, Query, ["q-1", "q-9"], Status.APPROVED, who="Ada")
    assert filled.get(Query, "q-1").status == Status.PROPOSED
    assert filled.events(project.id) == []


def test_edit_writes_fields_version_and_event(filled: Store, project: Project) -> None:
    changed = ABOUT_RENT.model_copy(update={"query": "when must I pay rent"})
    written = filled.edit(changed, who="Ada", reason="plainer", seconds=2.5)
    assert written == filled.get(Query, "q-2")
    assert written.query == "when must I pay rent"
    assert written.version == 2
    assert written.provenance.editor == "Ada"
    (event,) = filled.events(project.id, "q-2")
    assert event.action == "edit"
    assert event.old["query"] == "when is rent due"
    assert event.new["query"] == "when must I pay rent"
    assert event.old.keys() == event.new.keys() == {"query", "provenance"}
    assert (event.reason, event.seconds) == ("plainer", 2.5)


def test_edit_without_a_change_writes_nothing(filled: Store, project: Project) -> None:
    assert filled.edit(ABOUT_RENT, who="Ada") == ABOUT_RENT
    assert filled.events(project.id) == []


def test_second_editor_of_the_same_version_gets_a_conflict(filled: Store, project: Project) -> None:
    filled.edit(ABOUT_RENT.model_copy(update={"query": "first"}), who="Ada")
    with pytest.raises(Conflict, match="q-2"):
        filled.edit(ABOUT_RENT.model_copy(update={"query": "second"}), who="Bob")
    assert filled.get(Query, "q-2").query == "first"


def test_of_many_editors_at_once_exactly_one_wins(
    filled: Store, project: Project, database_url: str
) -> None:
    def edit(name: str) -> bool:
        with Store.open(database_url) as own:
            try:
                own.edit(ABOUT_RENT.model_copy(update={"query": name}), who=name)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(edit, [f"editor {number}" for number in range(6)]))
    assert won.count(True) == 1
    assert filled.get(Query, "q-2").query == f"editor {won.index(True)}"
    assert len(filled.events(project.id, "q-2")) == 1


def test_edit_to_what_is_there_already_is_refused(filled: Store, project: Project) -> None:
    with pytest.raises(InputError, match="another concept that is the same"):
        filled.edit(RENT.model_copy(update={"term": " DEPOSIT"}), who="Ada")
    assert filled.get(Concept, "c-2") == RENT
    assert filled.events(project.id) == []


def test_edit_of_an_absent_item(filled: Store) -> None:
    with pytest.raises(NotFound, match="c-9"):
        filled.edit(RENT.model_copy(update={"id": "c-9"}), who="Ada")


def test_edited_concept_makes_its_queries_and_their_judgments_stale(
    filled: Store, project: Project
) -> None:
    filled.edit(DEPOSIT.model_copy(update={"definition": "Money held safe."}), who="Ada")
    assert stale_ids(filled, project) == {"q-1", "j-1", "j-2"}
    assert [event.action for event in filled.events(project.id, "j-2")] == ["stale"]


def test_edited_query_makes_its_judgments_stale(filled: Store, project: Project) -> None:
    filled.edit(ABOUT_RENT.model_copy(update={"query": "rent due date"}), who="Ada")
    assert stale_ids(filled, project) == {"j-3"}


def test_edited_passage_makes_its_judgments_stale(filled: Store, project: Project) -> None:
    filled.edit(OTHER_PASSAGE.model_copy(update={"text": "Rent is due weekly."}), who="Ada")
    assert stale_ids(filled, project) == {"j-2", "j-3"}


def test_decisions_make_nothing_stale(filled: Store, project: Project) -> None:
    filled.set_status(project.id, Concept, ["c-1"], Status.REJECTED, who="Ada")
    filled.edit(RENT.model_copy(update={"status": Status.APPROVED}), who="Ada")
    assert stale_ids(filled, project) == set()


def test_deciding_about_a_stale_item_makes_it_fresh(filled: Store, project: Project) -> None:
    filled.edit(ABOUT_RENT.model_copy(update={"query": "rent due date"}), who="Ada")
    group = filled.set_status(project.id, Judgment, ["j-3"], Status.APPROVED, who="Bob")
    assert stale_ids(filled, project) == set()
    assert filled.undo(project.id, group) == 1
    assert stale_ids(filled, project) == {"j-3"}


def test_undo_restores_a_bulk_decision_in_one_step_after_reopening(
    filled: Store, project: Project, database_url: str
) -> None:
    filled.set_status(project.id, Query, ["q-1"], Status.FLAGGED, who="Ada")
    group = filled.set_status(project.id, Query, ["q-1", "q-2"], Status.REJECTED, who="Ada")
    with Store.open(database_url) as reopened:
        assert reopened.undo(project.id, group) == 2
        statuses = [query.status for query in reopened.items(project.id, Query)]
    assert statuses == [Status.FLAGGED, Status.PROPOSED]
    undoing = filled.events(project.id, "q-2")[-1]
    assert undoing.action == "undo"
    assert undoing.undoes == filled.events(project.id, group=group)[1].id


def test_undo_of_an_edit_restores_text_editor_and_freshness(
    filled: Store, project: Project
) -> None:
    filled.edit(DEPOSIT.model_copy(update={"term": "Bond"}), who="Ada")
    assert filled.undo(project.id, group_of_newest(filled, project, "c-1")) == 1 + 3
    assert filled.get(Concept, "c-1") == DEPOSIT.model_copy(update={"version": 3})
    assert stale_ids(filled, project) == set()
    # The natural key came back as well.
    assert filled.add(project.id, [Concept(id="c-3", term="deposit", definition="")]) == []
    assert len(filled.add(project.id, [Concept(id="c-4", term="bond", definition="")])) == 1


def test_undo_spares_what_was_decided_since_it_became_stale(
    filled: Store, project: Project
) -> None:
    filled.edit(ABOUT_DEPOSIT.model_copy(update={"query": "deposit?"}), who="Ada")
    filled.set_status(project.id, Judgment, ["j-1"], Status.APPROVED, who="Bob")
    assert filled.undo(project.id, group_of_newest(filled, project, "q-1")) == 1 + 1
    assert filled.get(Judgment, "j-1").status == Status.APPROVED
    # The query's text changed under the decision, once more.
    assert stale_ids(filled, project) == {"j-1"}


def test_undo_is_refused_when_something_newer_changed_the_item(
    filled: Store, project: Project
) -> None:
    group = filled.set_status(project.id, Query, ["q-1", "q-2"], Status.REJECTED, who="Ada")
    filled.edit(filled.get(Query, "q-2").model_copy(update={"persona": "student"}), who="Bob")
    with pytest.raises(Conflict, match=r"'q-2'.*Bob"):
        filled.undo(project.id, group)
    assert filled.get(Query, "q-1").status == Status.REJECTED


def test_undo_twice_is_refused(filled: Store, project: Project) -> None:
    group = filled.set_status(project.id, Query, ["q-1"], Status.APPROVED, who="Ada")
    filled.undo(project.id, group)
    with pytest.raises(Conflict):
        filled.undo(project.id, group)


def test_undo_of_what_never_happened(filled: Store, project: Project) -> None:
    with pytest.raises(NotFound, match="g-9"):
        filled.undo(project.id, "g-9")


def test_steps_are_undone_and_redone_in_turn(filled: Store, project: Project) -> None:
    def status() -> str:
        return filled.get(Query, "q-1").status.value

    first = filled.set_status(project.id, Query, ["q-1"], Status.FLAGGED, who="Ada")
    second = filled.set_status(project.id, Query, ["q-1"], Status.APPROVED, who="Ada")
    with pytest.raises(Conflict):
        filled.undo(project.id, first)
    filled.undo(project.id, second)
    undoing_second = group_of_newest(filled, project, "q-1")
    assert status() == "flagged"
    filled.undo(project.id, first)
    undoing_first = group_of_newest(filled, project, "q-1")
    assert status() == "proposed"
    with pytest.raises(Conflict):
        filled.undo(project.id, undoing_second)
    filled.undo(project.id, undoing_first)
    assert status() == "flagged"
    filled.undo(project.id, undoing_second)
    assert status() == "approved"


def test_what_was_added_cannot_be_undone(store: Store, project: Project) -> None:
    own = Judgment(
        id="j-9",
        query_id="q-1",
        passage_id="d-1",
        grade=1,
        source=JudgmentSource.REVIEWER,
        status=Status.APPROVED,
    )
    store.add(project.id, [ABOUT_DEPOSIT, PASSAGE, own])
    (event,) = store.events(project.id)
    assert (event.item_id, event.action, event.new) == ("j-9", "create", {"status": "approved"})
    assert event.group is not None
    with pytest.raises(InputError, match="reject"):
        store.undo(project.id, event.group)


def test_ids_shared_by_projects_need_the_project(filled: Store, project: Project) -> None:
    other = filled.create_project(project.domain, "other")
    filled.add(other.id, [ABOUT_RENT])
    with pytest.raises(InputError, match="several projects"):
        filled.edit(ABOUT_RENT.model_copy(update={"query": "changed"}), who="Ada")
    filled.edit(ABOUT_RENT.model_copy(update={"query": "changed"}), who="Ada", project_id=other.id)
    assert filled.get(Query, "q-2", project_id=project.id) == ABOUT_RENT
    assert filled.get(Query, "q-2", project_id=other.id).query == "changed"


def test_status_and_fields_follow_from_the_events(filled: Store, project: Project) -> None:
    filled.set_status(project.id, Query, ["q-1"], Status.APPROVED, who="Ada")
    edited = filled.get(Query, "q-1").model_copy(update={"query": "deposit, who has it"})
    filled.edit(edited, who="Bob")
    group = filled.set_status(project.id, Query, ["q-1"], Status.REJECTED, who="Ada")
    filled.undo(project.id, group)
    filled.edit(DEPOSIT.model_copy(update={"definition": "Security."}), who="Ada")
    replayed = ABOUT_DEPOSIT.model_dump(mode="json")
    for event in filled.events(project.id, "q-1"):
        assert event.old.items() <= replayed.items()
        replayed |= event.new
        replayed["version"] += 1
    assert Query.model_validate(replayed) == filled.get(Query, "q-1")

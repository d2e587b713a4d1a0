"""The Domain page."""

from __future__ import annotations

from distiller.schema.domain import Domain
from distiller.store import Store

PAGE = "define/domain.py"


def press(test, label: str):
    button = next(b for b in test.button if b.label == label)
    return button.click().run()


def field(elements, label: str):
    return next(element for element in elements if element.label == label)


def test_the_example_opens(run_page, store: Store):
    test = press(run_page(PAGE), "Open the example")
    assert not test.exception
    [project] = store.projects()
    counts = store.counts(project.id)
    assert (sum(counts["concept"].values()), sum(counts["query"].values())) == (60, 120)
    press(test, "Open the example")
    assert len(store.projects()) == 1


def test_a_field_becomes_a_project(run_page, store: Store):
    test = run_page(PAGE)
    field(test.text_input, "Name of the field").set_value("cardiology")
    field(test.text_area, "What does not belong, one per line").set_value("surgery\n\npaediatrics")
    press(test, "Make the project")
    assert not test.exception
    domain = store.project("cardiology").domain
    assert (domain.name, domain.exclusions) == ("cardiology", ["surgery", "paediatrics"])


def test_a_field_without_name_or_with_an_unknown_language_makes_nothing(run_page, store: Store):
    test = press(run_page(PAGE), "Make the project")
    assert "name" in test.error[0].value
    field(test.text_input, "Name of the field").set_value("cardiology")
    field(test.text_input, "Language").set_value("klingonish")
    press(test, "Make the project")
    assert test.error
    assert store.projects() == []


def test_the_second_editor_of_a_description_is_told(run_page, store: Store):
    project = store.create_project(Domain(name="cardiology"))
    test = run_page(PAGE)
    theirs = project.domain.model_copy(update={"audience": "nurses"})
    store.update_project(project.model_copy(update={"domain": theirs}))
    assert store.project("cardiology").domain.audience == "nurses"
    field(test.text_input, "Who searches").set_value("patients")
    press(test, "Save")
    assert store.project("cardiology").domain.audience == "nurses"


def test_the_forecast_is_there_before_anything_is_spent(run_page, store: Store):
    project = store.create_project(Domain(name="cardiology"))
    test = run_page(PAGE)
    assert not test.exception
    table = test.dataframe[0].value
    assert list(table["Step"])[:2] == ["Knowledge base", "Queries"]
    repairs = table["Step"].str.startswith("Repairs")
    once = int(table[repairs]["Answers of the model"].item())
    assert once > 0
    test = field(test.number_input, "Repairs of one text, at most").set_value(4).run()
    assert int(test.dataframe[0].value[repairs]["Answers of the model"].item()) > once
    assert "at no cost" in " ".join(m.value for m in test.markdown)
    assert store.ledger.spent(project.id).completions == 0


def test_an_unknown_project_in_the_address_is_not_replaced_silently(run_page, store: Store):
    store.create_project(Domain(name="cardiology"))
    test = run_page(PAGE, project="nowhere")
    assert "nowhere" in test.error[0].value
    assert not test.tabs

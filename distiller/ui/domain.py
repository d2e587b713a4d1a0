"""The field in words: forms to describe it, to bring files, and what generation would take."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from pydantic import ValidationError

from distiller.dataset import import_file
from distiller.packs import templates
from distiller.packs.languages import language
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError, InvalidFile
from distiller.schema.usage import Forecast
from distiller.settings import Settings
from distiller.store import Store
from distiller.ui.jobs import launch
from distiller.ui.shell import Here, switch_to
from distiller.ui.state import failing, notice
from distiller.ui.text import duration, plain

if TYPE_CHECKING:
    from distiller.llm.check import EndpointCheck
    from distiller.pipeline import Plan

_STAGES = {
    "knowledge": "Knowledge base",
    "queries": "Queries",
    "passages": "Passages and hard negatives",
    "judge": "Second opinion on every passage",
}
_MENDED = {"repair": "Repairs, with another opinion on them"}
FILE_TYPES = ["json", "jsonl", "csv", "tsv", "parquet"]


def domain_form(key: str, known: Domain | None, button: str) -> Domain | None:
    """The fields that describe a field; the domain once they are sent and hold."""
    old = known or Domain(name="?")
    with st.form(key, border=known is None):
        name = st.text_input(
            "Name of the field",
            value=known.name if known else "",
            max_chars=200,
            placeholder="residential tenancy law",
        )
        description = st.text_area(
            "What belongs to it, in your own words",
            value=old.description,
            max_chars=20_000,
            placeholder="Homes that are let: rent, deposit, repairs, notice, disputes.",
        )
        audience = st.text_input("Who searches", value=old.audience, max_chars=2_000)
        left, right = st.columns(2)
        tag = left.text_input(
            "Language", value=old.language, help="A language tag such as en, de or pt-BR."
        )
        names = templates.names()
        # A project made in a terminal may rest on a template file of its own.
        names = names if old.template in names else [*names, old.template]
        kind = right.selectbox(
            "Kind of field",
            names,
            index=names.index(old.template),
            format_func=lambda name: name.replace("_", " "),
            help="It decides which kinds of query are written: rules, deadlines, symptoms, errors…",
        )
        excluded = st.text_area("What does not belong, one per line", "\n".join(old.exclusions))
        examples = st.text_area(
            "Queries that people really type, one per line",
            "\n".join(old.example_queries),
            help="Five of them are worth more than a page of description: others imitate them.",
        )
        if not st.form_submit_button(button, type="primary"):
            return None
    domain = None
    with failing():
        if kind not in names:  # the state of a widget can be forged, and a template can be a file
            raise InputError("choose a kind of field from the list")
        domain = _checked(
            name=name,
            description=description,
            audience=audience,
            language=language(tag.strip()).tag,
            template=kind,
            exclusions=_lines(excluded),
            example_queries=_lines(examples),
        )
    return domain  # noqa: RET504 - a return inside `with` would end it unreachably for mypy


def _checked(**fields: Any) -> Domain:
    try:
        return Domain(**fields)
    except ValidationError as error:
        problem = error.errors()[0]
        words = problem["msg"].removeprefix("Value error, ")
        raise InputError(f"{problem['loc'][0]}: {words}") from None


def new_project(store: Store) -> None:
    """Describe a new field."""
    domain = domain_form("domain/new", None, "Make the project")
    if domain is None:
        return
    with failing():
        project = store.create_project(domain)
        switch_to(project)
        notice(f"{domain.name} is there")
        st.rerun()


def edit_project(here: Here) -> None:
    """Change the description; a second editor is told instead of overwritten."""
    project = here.project
    changed = domain_form(here.key("domain", project.version), project.domain, "Save")
    if changed is None:
        return
    if changed == project.domain:
        st.info("Nothing was changed.")
        return
    with failing():
        here.store.update_project(project.model_copy(update={"domain": changed}))
        notice("The description was saved")
        st.rerun()


def upload(store: Store, project: Project, key: str) -> None:
    """Bring a file of knowledge, queries or training data into the project."""
    st.markdown("**Data that is labelled already**")
    st.caption(
        "Files that Domain Distiller wrote, or in one of its formats: knowledge, queries, or queries "
        "with passages. What the project has already is left as it is."
    )
    given = st.file_uploader("File to import", type=FILE_TYPES, key=key)
    if given is None or not st.button("Import it", type="primary"):
        return
    with failing(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(given.name).suffix.lower()}"
        path.write_bytes(given.getvalue())
        try:
            report = import_file(store, project, path)
        except InvalidFile as error:  # say the user's name of the file, not ours
            raise InputError(str(error).replace(str(path), given.name)) from error
        except InputError as error:
            raise InputError(str(error).replace(str(path), given.name)) from error
        st.success(plain(str(report).replace(str(path), given.name)), icon=":material/check:")


def forecast_table(here: Here, settings: Settings) -> Plan | None:
    """What generation would take, before anything is spent; returns what was planned."""
    left, middle, right, last = st.columns(4)
    concepts = left.number_input("Concepts", 1, 5_000, 50, key=here.key("plan", "concepts"))
    queries = middle.number_input("Queries", 1, 100_000, 100, key=here.key("plan", "queries"))
    negatives = right.number_input(
        "Hard negatives per query",
        0,
        20,
        3,
        key=here.key("plan", "negatives"),
        help="Passages that only seem to answer. A search model learns most from those.",
    )
    attempts = last.number_input(
        "Repairs of one text, at most",
        1,
        10,
        2,
        key=here.key("plan", "attempts"),
        help="What the checks find is mended and looked at again. What is still wrong after so "
        "many attempts stays found, and counts less in training.",
    )
    plan: Plan | None = None
    with failing():
        from distiller.pipeline import WRITING, Journey, Plan, forecasts, mending

        plan = Plan(
            concepts=concepts, queries=queries, negatives_per_query=negatives, attempts=attempts
        )
        stages = (*WRITING, *mending(plan.attempts))
        expected = forecasts(Journey(here.store, here.project, settings, plan), stages)
        seconds = sum(forecast.seconds for forecast in expected)
        st.dataframe(
            [
                {
                    "Step": (_STAGES | _MENDED).get(forecast.stage, forecast.stage),
                    "Answers of the model": forecast.completions,
                    "Tokens": forecast.prompt_tokens + forecast.completion_tokens,
                    "Minutes, about": round(forecast.seconds / 60, 1),
                    "US dollars, at most about": round(forecast.cost, 2)
                    if forecast.priced
                    else None,
                }
                for forecast in expected
            ],
            hide_index=True,
        )
        st.markdown(
            f"**In all about {duration(seconds)}, {_money(expected)}**, with {_model(settings)}."
        )
    return plan


async def _check(here: Here) -> EndpointCheck:
    from distiller.llm import connect
    from distiller.llm.check import check

    async with connect(here.settings, here.store.ledger, project_id=here.project.id) as client:
        return await check(client)


def launch_form(here: Here, plan: Plan) -> None:
    """Check the model, then have everything written and mended, or one part of it."""
    from distiller.pipeline import mending

    if st.button("Check the language model", icon=":material/network_check:"):
        with failing(), st.spinner("Asking the model for one short answer"):
            found = asyncio.run(_check(here))
            (st.success if found.usable else st.error)(plain(found.verdict))
    with st.container(horizontal=True):
        if st.button("Have everything written", type="primary", icon=":material/play_arrow:"):
            read = any(document.passages for document in here.store.documents(here.project.id))
            stages = [*_STAGES, *(["mine"] if read else []), *mending(plan.attempts)]
            launch(here, stages, plan, "The model is writing; you may close this page")
        for stage, words in _STAGES.items():
            if st.button(f"Only: {words.lower()}", key=here.key("only", stage)):
                launch(here, [stage], plan, "The model is writing; you may close this page")
    st.caption(
        "It goes on where it stopped: what is written already is neither written nor paid again."
    )


def _money(expected: Sequence[Forecast]) -> str:
    cost = sum(forecast.cost for forecast in expected)
    if not all(forecast.priced for forecast in expected):
        return "at a price that we do not know"
    return f"${cost:.2f}" if cost else "at no cost"


def _model(settings: Settings) -> str:
    if settings.uses_local_model:
        return "the language model on this computer"
    return plain(f"{settings.llm_model} at {settings.llm_url or 'OpenAI'}")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]

"""How long and how careful to train, what that will take here, and the start."""

from __future__ import annotations

import socket
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import DistillerError, InputError
from distiller.schema.jobs import Job, JobState
from distiller.train.pace import Pace, changed, expected_seconds, of_training
from distiller.train.recipe import PRESETS, Recipe
from distiller.train.start_language import for_language, unread
from distiller.ui.jobs import job_progress, launch
from distiller.ui.shell import Here
from distiller.ui.text import duration, plain
from distiller.ui.training_elsewhere import elsewhere

if TYPE_CHECKING:
    from distiller.pipeline import Plan

ADVANCED = {
    "epochs": ("Passes over the data", "How often each query is learned from."),
    "batch_size": ("Queries in a step", "More need more memory and learn more evenly."),
    "negatives_per_query": (
        "Hard negatives for each query",
        "Passages that only seem to answer; the model learns to rank them lower.",
    ),
    "learning_rate": ("Learning rate", "How far a step may change the model."),
    "expert_weight": (
        "What a reviewer's word weighs",
        "How much more an answer counts that a person decided on.",
    ),
    "dims_ratio": (
        "Size of a text in the index",
        "How many words (active dimensions) describe a text, as a share of the start model's: "
        "fewer make search faster, more can make it better.",
    ),
    "passage_length": ("Tokens read of a passage", "A token is a word or a part of one."),
}
"""Setting of a recipe → what it is called here, and what it does."""
BASE = "tiny"
LOOKED_AT = 20
"""Jobs of a kind, the newest, that may tell how fast this computer is."""


def start(here: Here, snapshot: DatasetSnapshot) -> None:
    """Choose how long and careful to train, and begin."""
    from distiller.pipeline import Plan, further_of

    above, below = st.container(), st.container()
    with below, st.expander("Advanced"):
        base = st.text_input(
            "Start model",
            BASE,
            max_chars=300,
            key=here.key("base"),
            help="`tiny` is packaged: 4.4 million parameters, English. Or a model's name on the "
            "Hugging Face hub, or a folder on this computer.",
        ).strip()
        base = base or BASE
        chosen = st.session_state.get(here.key("preset"))
        own = _own_settings(here, str(chosen) if chosen in PRESETS else "balanced")
    if warning := unread(base, here.project.domain.language):
        above.warning(warning)
    known = _pace(here, base)
    names = list(PRESETS)

    def recipe_of(name: str) -> Recipe:
        return for_language(changed(PRESETS[name], own), base, here.project.domain.language)

    preset = above.radio(
        "How careful",
        names,
        index=names.index("balanced"),
        captions=[
            f"{PRESETS[name].words} {_takes(recipe_of(name), snapshot, known)}" for name in names
        ],
        format_func=str.capitalize,
        key=here.key("preset"),
    )
    preset = preset if preset in names else "balanced"
    _how_known(here, snapshot, base, known)
    rounds = 2 if _again(here) else 1
    plan = Plan(snapshot=snapshot.id, preset=preset, base=base, recipe=own, rounds=rounds)
    if st.button("Start training", type="primary", icon=":material/play_arrow:"):
        for trial in here.store.jobs(here.project.id, kind="calibrate", active=True):
            here.store.cancel(trial.id)  # nobody waits for it any more, and training needs its slot
        stages = ["snapshot", "train", *further_of(here.store, here.project, plan), "evaluate"]
        launch(here, stages, plan, "Training has begun; you may close this page")
    elsewhere(here, snapshot, plan)


def _again(here: Here) -> bool:
    """Whether a second round is wished for; without documents there is nothing to mine in."""
    from distiller.generate import has_corpus

    return has_corpus(here.store, here.project) and st.checkbox(
        "A second round with harder negatives",
        key=here.key("again"),
        help="The model that was trained searches your documents for passages that it still takes "
        "for answers. The start model is then trained again on those, and the better of both "
        "models is kept. Takes about twice as long.",
    )


def _own_settings(here: Here, preset: str) -> dict[str, float]:
    """What the user changed of the preset, by name; a value that cannot be is said and left out."""
    recipe = PRESETS[preset]
    own: dict[str, float] = {}
    columns = st.columns(2)
    for place, (name, (title, words)) in enumerate(ADVANCED.items()):
        if name not in Recipe.model_fields:
            continue
        usual = getattr(recipe, name)
        value = columns[place % 2].number_input(
            title,
            value=usual,
            min_value=type(usual)(0),
            format="%d" if isinstance(usual, int) else "%g",
            step=1 if isinstance(usual, int) else usual / 10 or 0.1,
            help=words,
            key=here.key("recipe", preset, name),
        )
        if value != usual:
            own[name] = value
    try:
        changed(recipe, own)
    except InputError as error:
        st.error(plain(f"{error}; the preset's own values are used."))
        return {}
    st.caption(f"Why the preset's values: {plain(recipe.evidence)}")
    with st.popover("All settings"):
        st.dataframe(
            [
                {"Setting": name, "Value": str(value)}
                for name, value in changed(recipe, own).model_dump(exclude={"evidence"}).items()
            ],
            hide_index=True,
        )
    return own


def _takes(recipe: Recipe, snapshot: DatasetSnapshot, known: tuple[Pace, Job] | None) -> str:
    if known is None:
        return ""
    rows, passages = snapshot.counts.get("train", 0), snapshot.ranked_passages
    return f"About {duration(expected_seconds(recipe, rows, known[0], passages))} here."


def _pace(here: Here, base: str) -> tuple[Pace, Job] | None:
    """How fast this computer trains that start model, by its newest trial or training."""
    tried = here.store.jobs(kind="calibrate", limit=LOOKED_AT)
    trained = here.store.jobs(kind="train", limit=LOOKED_AT)
    for job in sorted([*tried, *trained], key=lambda job: job.created, reverse=True):
        plan, host = job.parameters.get("plan", {}), job.worker.split(":")[0]
        if job.state != JobState.DONE or plan.get("base") != base or host != socket.gethostname():
            continue
        if job.kind == "calibrate" and job.metrics:
            return Pace.model_validate(job.metrics[-1]), job
        pace = _pace_of_training(here, job) if job.kind == "train" else None
        if pace:
            return pace, job
    return None


def _pace_of_training(here: Here, job: Job) -> Pace | None:
    """Of one that ran through at once; one that was gone on with tells only its last part."""
    plan = job.parameters.get("plan", {})
    if job.attempts != 1 or "retries" in job.parameters or plan.get("rounds", 1) > 1:
        return None
    models = here.store.models(job.project_id)
    model = next((model for model in models if model.id == job.result.get("model")), None)
    seconds = sum(part["seconds"] for part in job.result["stages"] if part["stage"] == "train")
    if model is None or seconds < 1:
        return None
    known = here.store.snapshots(job.project_id or "", examples=False)
    ranked = [one.ranked_passages for one in known if one.content_hash == model.snapshot_hash]
    return of_training(model, seconds, max(ranked, default=0))


def _how_known(
    here: Here, snapshot: DatasetSnapshot, base: str, known: tuple[Pace, Job] | None
) -> None:
    trying = here.store.jobs(here.project.id, kind="calibrate")
    for job in trying:
        if job.active:
            job_progress(here, job)
            return
    if known:
        what = "a trial" if known[1].kind == "calibrate" else "a training"
        st.caption(
            f"Times as measured here by {what} on {_day(known[1].created)}; measuring the model "
            "afterwards comes on top."
        )
        return
    st.caption("How long it takes here is not known yet.")
    if st.button("Try how fast this computer is", icon=":material/speed:"):
        launch(here, *_trial(snapshot, base), "A trial of a few steps has begun")


def _trial(snapshot: DatasetSnapshot, base: str) -> tuple[list[str], Plan]:
    from distiller.pipeline import Plan

    return ["snapshot", "calibrate"], Plan(snapshot=snapshot.id, base=base)


def try_speed(here: Here, snapshot: DatasetSnapshot) -> None:
    """Begin a trial where no training tells how long one takes; a trial that cannot be is left."""
    from distiller.jobs import submit

    if _pace(here, BASE) is None:
        try:
            submit(here.store, here.settings, here.project.id, *_trial(snapshot, BASE))
        except DistillerError:
            return


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"

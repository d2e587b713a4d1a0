"""Commands that make models: train, here or elsewhere, and import-model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distiller.cli import options as opt
from distiller.schema.errors import InputError

if TYPE_CHECKING:
    from distiller.pipeline import Journey, Plan
    from distiller.settings import Settings

app = typer.Typer()


@app.command()
def train(
    project: opt.ProjectName = None,
    train_file: Annotated[
        Path | None, typer.Option("--train-file", help="Train on this file, not on a project.")
    ] = None,
    val_file: Annotated[
        Path | None, typer.Option("--val-file", help="Choose the checkpoint on this file.")
    ] = None,
    keep_split: Annotated[
        bool,
        typer.Option(
            "--keep-split", help="Hold out only what --train-file itself marks as held out."
        ),
    ] = False,
    base: opt.Base = "tiny",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Folder of the model.")
    ] = None,
    packed: Annotated[
        bool, typer.Option("--zip", help="Write the model as DIR.zip, too, to take it elsewhere.")
    ] = False,
    preset: opt.TrainingPreset = opt.Preset.BALANCED,
    own: opt.RecipeSettings = None,
    rounds: opt.Rounds = 1,
    seed: opt.Seed = None,
    canary: Annotated[
        Path | None,
        typer.Option(
            "--canary",
            metavar="DIR",
            help="BEIR folder of another field: a model that forgets it is not promoted.",
            envvar="DISTILLER_CANARY",
        ),
    ] = None,
    elsewhere: Annotated[
        Path | None,
        typer.Option(
            "--elsewhere",
            metavar="FILE",
            help="Do not train: write the project's frozen data to FILE (.jsonl.gz, or .parquet where"
            " they are large), and say the command that trains on it on another computer.",
        ),
    ] = None,
    language: opt.Language = "en",
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Train a SPLADE model on a project's data, or on files.

    On several accelerators: torchrun --nproc_per_node N -m distiller train …, or accelerate launch
    --multi_gpu --num_processes N -m distiller train …
    """
    from distiller.cli import session
    from distiller.pipeline import Journey, Plan, recipe_of

    _check_options(train_file, val_file, elsewhere, rounds, keep_split=keep_split)
    settings = session.settings_from(workspace)
    given = {"canary": canary, "seed": seed}
    settings = settings.model_copy(update={k: v for k, v in given.items() if v is not None})
    chosen: dict[str, Any] = {
        "base": base,
        "preset": preset.value,
        "output": output,
        "recipe": _own(own),
        "rounds": rounds,
    }
    if train_file:
        plan = session.checked(Plan, **chosen)
        files = (train_file, val_file)
        _train_on_files(*files, settings, plan, language, as_json, packed, keep_split=keep_split)
        return
    plan = session.check_plan(settings, chosen)
    recipe_of(plan)
    with session.open_store(settings) as store:
        journey = Journey(store, store.project(project), settings, plan)
        further = _further(journey) if rounds > 1 else []
        if elsewhere:
            _take_elsewhere(journey, elsewhere, as_json=as_json)
            return
        stages = ["snapshot", "train", *further]
        session.run_and_report(journey, stages, as_json=as_json)
        _pack(journey.model.path if journey.model else None, packed)


def _check_options(
    train_file: Path | None,
    val_file: Path | None,
    elsewhere: Path | None,
    rounds: int,
    *,
    keep_split: bool,
) -> None:
    from distiller.pipeline import ENDINGS

    if train_file is None and (val_file or keep_split):
        raise InputError(f"{'--val-file' if val_file else '--keep-split'} goes with --train-file")
    if train_file and elsewhere:
        raise InputError("--elsewhere is for a project's data; leave --train-file out")
    if rounds > 1 and train_file:
        raise InputError("--rounds mines in a project's documents; leave --train-file out")
    if elsewhere and not elsewhere.name.endswith(ENDINGS):
        raise InputError(
            f"--elsewhere needs the name of a file that ends in {' or '.join(ENDINGS)}"
        )


def _further(journey: Journey) -> list[str]:
    """The stages of further rounds, which need documents to mine in."""
    from distiller.generate import has_corpus
    from distiller.pipeline import further_of

    if not has_corpus(journey.store, journey.project):
        raise InputError("--rounds mines in documents; read some first (distiller ingest)")
    return further_of(journey.store, journey.project, journey.plan)


def _own(given: Sequence[str] | None) -> dict[str, float]:
    """`epochs=5` as a setting and its value."""
    own = {}
    for one in given or []:
        name, _, value = one.partition("=")
        try:
            own[name.strip()] = float(value)
        except ValueError:
            raise InputError(f"--set {one}: give a name and a number, such as epochs=5") from None
    return own


def _pack(folder: str | None, packed: bool) -> None:
    if packed and folder:
        from distiller.train.folders import pack

        typer.echo(f"packed as {pack(Path(folder))}", err=True)


def _take_elsewhere(journey: Journey, file: Path, *, as_json: bool) -> None:
    """Freeze, write the data, say the command."""
    from distiller.cli import session
    from distiller.dataset.atomic import replacing
    from distiller.pipeline import errand, packed_data

    session.run_stages(journey, ["snapshot"], to_stderr=True)
    snapshot = journey.snapshot
    assert snapshot is not None, "the stage has made it"
    found = errand(journey.project, journey.settings, journey.plan, snapshot, file=file.name)
    data = packed_data(snapshot, file.name)
    other = "held something else" if file.is_dir() or _differs(file, data) else None
    with replacing(file, keep=lambda _: other) as fresh:
        fresh.write_bytes(data)
    if found.warning:
        typer.echo(found.warning, err=True)
    if as_json:
        session.emit(found.model_dump(mode="json") | {"file": str(file)})
        return
    also = f" and {', '.join(found.brings)}" if found.brings else ""
    typer.echo(f"Take {file}{also} to the other computer, and run there:\n\n{found.command}\n")
    typer.echo(
        f"Bring {found.result} back, and run here:\n\n"
        f"distiller import-model {found.result} --project {journey.project.name}"
    )


def _differs(file: Path, data: bytes) -> bool:
    return file.is_file() and file.read_bytes() != data


def _train_on_files(
    train_file: Path,
    val_file: Path | None,
    settings: Settings,
    plan: Plan,
    language: str,
    as_json: bool,
    packed: bool,
    *,
    keep_split: bool,
) -> None:
    from distiller.cli import session
    from distiller.cli.render import progress_bars
    from distiller.evaluate import load
    from distiller.packs.languages import language as find_language
    from distiller.pipeline import recipe_of
    from distiller.splade.start import resolve
    from distiller.train import train_files, verdict
    from distiller.train.start_language import unread

    if warning := unread(plan.base, language):
        typer.echo(warning, err=True)
    with progress_bars() as on_progress:
        model = train_files(
            train_file,
            val_file,
            recipe_of(plan).model_copy(update={"seed": settings.seed}),
            resolve(plan.base, settings.cache_dir),
            plan.output or settings.workspace / "models" / _stem(train_file),
            language=find_language(language).tag,
            canary=load(settings.canary) if settings.canary else None,
            keep_split=keep_split,
            on_progress=on_progress,
        )
    _pack(model.path, packed)
    if as_json:
        session.emit(model.model_dump(mode="json") | session.promotion(model))
    else:
        typer.echo(f"model in {model.path}\n{verdict(model)}")


def _stem(file: Path) -> str:
    return file.name.removesuffix(".gz").rpartition(".")[0] or file.stem


@app.command()
def import_model(
    source: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|ZIP", help="What `train` wrote on the other computer."),
    ],
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Keep a model that was trained on another computer on this project's frozen data."""
    from distiller.cli import session
    from distiller.train.incoming import import_model as keep
    from distiller.train.promotion import verdict

    settings = session.settings_from(workspace)
    with session.open_store(settings) as store:
        found = keep(store, store.project(project), settings.workspace, source)
    if as_json:
        fields = found.model.model_dump(mode="json") | session.promotion(found.model)
        session.emit({**fields, "new": found.new})
        return
    kept = "kept as" if found.new else "there already, nothing was changed:"
    typer.echo(f"{kept} {found.model.path}\n{verdict(found.model)}")

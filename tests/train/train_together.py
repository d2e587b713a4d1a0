"""Run short trainings, one after the other, in each of several processes: start model, output
folder, recipe, rows and texts that are computed at once (0 for all) of each, as JSON.

To be started by `torchrun`. Only the first process is told of steps, and prints them; each writes
what it was given and told beside the output folder.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from train_examples import taught

from distiller.schema.jobs import Progress
from distiller.splade import StartModel
from distiller.train import Recipe, train, trainer

WHOLE = trainer._TOKENS_AT_ONCE, trainer._BYTES_AT_ONCE, trainer._PART


def run(base: str, output: str, recipe: str, rows: int, part: int) -> None:
    parts = (0, 0, part) if part else WHOLE
    trainer._TOKENS_AT_ONCE, trainer._BYTES_AT_ONCE, trainer._PART = parts
    told: list[int] = []

    def listen(progress: Progress) -> None:
        told.append(progress.done)
        print(progress.done, flush=True)  # noqa: T201

    trained = train(
        taught(rows),
        Recipe.model_validate_json(recipe),
        StartModel.model_validate_json(base),
        Path(output),
        on_progress=listen,
    )
    rank = os.environ["RANK"]
    for name, content in (("given", trained.model_dump_json()), ("told", json.dumps(told))):
        Path(output).with_name(f"{name}-{rank}.json").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        run(*json.loads(argument))

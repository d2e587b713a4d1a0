"""Run one short training in each of several processes: start model, output folder, recipe, rows,
texts that are computed at once (0 for all).

To be started by `torchrun`. Only the first process is told of steps, and prints them; each writes
what it was given beside the output folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from train_examples import taught

from distiller.splade import StartModel
from distiller.train import Recipe, train, trainer

if __name__ == "__main__":
    base, output, recipe, rows, part = sys.argv[1:]
    if int(part):
        trainer._TOKENS_AT_ONCE = trainer._BYTES_AT_ONCE = 0
        trainer._PART = int(part)
    trained = train(
        taught(int(rows)),
        Recipe.model_validate_json(recipe),
        StartModel.model_validate_json(base),
        Path(output),
        on_progress=lambda progress: print(progress.done, flush=True),  # noqa: T201
    )
    given = Path(output).with_name(f"given-{os.environ['RANK']}.json")
    given.write_text(trained.model_dump_json(), encoding="utf-8")

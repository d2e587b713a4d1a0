"""Run one short training in a process of its own: cache folder, output folder."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from train_examples import example, snapshot

from distiller.splade import resolve
from distiller.train import Recipe, train

if __name__ == "__main__":
    torch.set_num_threads(1)
    cache, output, recipe = sys.argv[1:]
    train(
        snapshot([example(n, "val" if n >= 16 else "train") for n in range(24)]),
        Recipe.model_validate_json(recipe),
        resolve("tiny", Path(cache)),
        Path(output),
        on_progress=lambda progress: print(progress.done, flush=True),  # noqa: T201
    )

"""Recipes side by side on real human pairs: what each part of ours earns, and what it forgets.

python benchmarks/recipe_study.py COLLECTIONS_DIR --cells DIR [--pairs 500]… [--seed 13]… [--recipe NAME]…
    [--epochs N] [--evaluations N] [--negatives N] [--passage-length N] [--distractors N]
    [--teacher DENSE_MODEL_DIR] [--table FILE]

Trains on pairs of `medquad_train` (hard negatives from BM25 among their own answers), measures on
`liveqa_medquad` and, for what was forgotten, on `legal_plain_english`. Each cell (recipe, pairs, seed) is a
file in DIR: run again, and only what is missing is trained.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SparseEncoder,
    SparseEncoderTrainer,
    SparseEncoderTrainingArguments,
)
from sentence_transformers.base.training_args import BatchSamplers
from sentence_transformers.sparse_encoder.losses import (
    SparseMultipleNegativesRankingLoss,
    SpladeLoss,
)

from distiller.dataset import snapshot_of
from distiller.evaluate import load
from distiller.evaluate.measures import NDCG, RECALL, mean, per_query
from distiller.evaluate.significance import compare, interval
from distiller.retrieve import BM25, SparseIndex
from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage
from distiller.schema.retrieval import Collection
from distiller.splade import SpladeEncoder, StartModel, resolve
from distiller.splade.loading import load_model
from distiller.train import PRESETS, Recipe, train
from distiller.train.rows import training_rows

DEV = 100
"""Pairs beside the training pairs that choose checkpoint and interpolation."""
NEGATIVES = 4
MARGIN = 0.95
"""Share of the positive's BM25 score above which a passage may answer too (arXiv 2407.15831)."""
STRONG = {"batch_size": 8, "query_lambda": 1e-3, "passage_lambda": 6e-4}
DEEPER = {"skip": 20, "depth": 200}
MINED: dict[str, dict[str, Any]] = {
    "negatives below half the positive's score": {"margin": 0.5},
    "negatives of ranks 20 to 200": DEEPER,
    "the same, without meeting the corpus": DEEPER,
}
"""Where the hard negatives are not of the first ranks; `mine` draws them from ranks 20 to 200."""
OURS: dict[str, dict[str, Any]] = {
    "balanced": {},
    "batch 8, strong regularisers": STRONG,
    "batch 8, strong regularisers, rate 1e-4": STRONG | {"learning_rate": 1e-4},
    "batch 8, strong regularisers, rate 3e-4": STRONG | {"learning_rate": 3e-4},
    "without steering": {"steered": False},
    "targets 40/200": {"query_dims": 40, "passage_dims": 200},
    "half the dimensions": {"dims_ratio": 0.5},
    "without length buckets": {"length_buckets": False},
    "without hard negatives": {"negatives_per_query": 0},
    "one hard negative": {"negatives_per_query": 1},
    **{name: {} for name in MINED},
    "the same, without meeting the corpus": {"rarity_power": 0.0},
    "self-distillation 0.3": {"self_distillation": 0.3},
    "self-distillation 0": {"self_distillation": 0.0},
    "general texts 0.05": {"general_weight": 0.05},
    "general texts 0": {"general_weight": 0.0},
    "rate 2e-5": {"learning_rate": 2e-5},
    "rate 1e-4": {"learning_rate": 1e-4},
    "rate 3e-4": {"learning_rate": 3e-4},
    "batch 8": {"batch_size": 8},
    "instant": {"query_table": True, "query_lambda": 0.0},
    "teacher": {},
    "teacher alone": {"infonce_weight": 0.0},
}
"""What differs from the balanced preset."""
PUBLISHED = "sentence-transformers' example"
"""train_splade_nq.py of sentence-transformers: pairs alone, in-batch negatives, batch 16, rate 2e-5,
one epoch, regularisers 5e-5 (query) and 3e-5 (passage), last step."""
PUBLISHED_LONG = "its settings, our epochs and negatives"
RECIPES = ("start", *OURS, PUBLISHED, PUBLISHED_LONG)


def pairs(folder: Path) -> list[dict[str, str]]:
    """Every question with its answer."""
    with gzip.open(folder / "medquad_train" / "pairs.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def snapshot(
    found: Sequence[dict[str, str]],
    count: int,
    seed: int,
    *,
    margin: float = MARGIN,
    skip: int = 0,
    depth: int = 50,
) -> DatasetSnapshot:
    """`count` train and `DEV` val examples with hard negatives from each other's answers.

    Those are the first below `margin`; where ranks are skipped, any from there down to `depth`.
    """
    chosen = random.Random(seed).sample(found, count + DEV)
    corpus = {str(index): pair["positive"] for index, pair in enumerate(chosen)}
    queries = {str(index): pair["query"] for index, pair in enumerate(chosen)}
    run = BM25(corpus).retrieve(queries, depth)
    draw = random.Random(seed)
    examples = []
    for index, query in queries.items():
        bar = margin * run[index].get(index, float("inf"))
        mined = [
            other
            for other, score in list(run[index].items())[skip:]
            if score < bar and corpus[other] != corpus[index] and other != index
        ]
        if skip:
            draw.shuffle(mined)
        labelled = [
            LabelledPassage(passage_id=other, text=corpus[other], grade=3 if other == index else 0)
            for other in (index, *mined[:NEGATIVES])
        ]
        examples.append(
            Example(
                query_id=index,
                query=query,
                positives=labelled[:1],
                negatives=labelled[1:],
                split="train" if int(index) < count else "val",
            )
        )
    return snapshot_of(examples, seed=seed)


def taught(data: DatasetSnapshot, teacher: Path) -> DatasetSnapshot:
    """The same with scores: z-scores of a dense model and of BM25, added up per query."""
    texts = {p.passage_id: p.text for e in data.examples for p in [*e.positives, *e.negatives]}
    queries = {example.query_id: example.query for example in data.examples}
    dense = SentenceTransformer(str(teacher), device="cpu")
    passages = dict(zip(texts, dense.encode(list(texts.values())), strict=True))
    asked = dict(zip(queries, dense.encode(list(queries.values())), strict=True))
    lexical = BM25(texts).retrieve(queries, len(texts))
    for example in data.examples:
        own = [*example.positives, *example.negatives]
        dots = np.array([asked[example.query_id] @ passages[p.passage_id] for p in own])
        words = np.array([lexical[example.query_id].get(p.passage_id, 0.0) for p in own])
        scores = sum((part - part.mean()) / (part.std() or 1.0) for part in (dots, words))
        for passage, score in zip(own, scores, strict=True):
            passage.score = float(score)
    return snapshot_of(data.examples, seed=data.seed)


def published(
    data: DatasetSnapshot, base: StartModel, output: Path, settings: dict[str, Any]
) -> None:
    """Train with sentence-transformers' own trainer and losses, and save the last step."""
    model, _ = load_model(base.source, device="cpu")
    model.max_seq_length = settings["passage_length"]
    rows = training_rows(data.examples, settings["negatives"], data.seed)
    columns = {
        "query": [row.query for row in rows],
        "positive": [row.positive for row in rows],
    }
    for index in range(settings["negatives"]):
        columns[f"negative_{index + 1}"] = [row.negatives[index] for row in rows]
    loss = SpladeLoss(
        model,
        SparseMultipleNegativesRankingLoss(model),
        query_regularizer_weight=5e-5,
        document_regularizer_weight=3e-5,
    )
    with tempfile.TemporaryDirectory() as scratch:
        SparseEncoderTrainer(
            model=model,
            args=SparseEncoderTrainingArguments(
                output_dir=scratch,
                use_cpu=True,
                num_train_epochs=settings["epochs"],
                per_device_train_batch_size=16,
                learning_rate=2e-5,
                warmup_steps=0.1,
                batch_sampler=BatchSamplers.NO_DUPLICATES,
                seed=data.seed,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                log_level="error",
            ),
            train_dataset=Dataset.from_dict(columns),
            loss=loss,
        ).train()
    model.save_pretrained(str(output))


def smaller(collection: Collection, distractors: int) -> Collection:
    """The judged passages and so many of the others, drawn once for all: for slow machines."""
    judged = {passage for grades in collection.qrels.values() for passage in grades}
    others = sorted(set(collection.corpus) - judged)
    kept = judged | set(random.Random(13).sample(others, min(distractors, len(others))))
    corpus = {passage: text for passage, text in collection.corpus.items() if passage in kept}
    return replace(collection, corpus=corpus)


def measured(
    model: str | Path | SparseEncoder, collection: Collection, passage_length: int
) -> dict[str, Any]:
    """nDCG@10 and Recall@100 by query, and active dimensions; every model reads as much."""
    index = SparseIndex(SpladeEncoder(model, passage_length=passage_length), collection.corpus)
    weights = index.encode_queries(list(collection.queries.values()))
    values = per_query(index.rank(list(collection.queries), weights), collection.qrels)
    return {
        NDCG.name: values[NDCG.name],
        RECALL.name: values[RECALL.name],
        "query_dims": weights.nnz / weights.shape[0],
        "passage_dims": index.passages.nnz / index.passages.shape[0],
    }


def cell(options: argparse.Namespace, name: str, count: int, seed: int) -> dict[str, Any]:
    """Train one recipe, measure it on both collections."""
    base = resolve("tiny", options.cache_dir)
    started = time.perf_counter()
    scratch = Path(tempfile.mkdtemp(prefix="recipe-study-"))
    output = scratch / "model"
    record: dict[str, Any] = {}
    try:
        if name == "start":
            output = Path(base.source)
        else:
            data = snapshot(pairs(options.folder), count, seed, **MINED.get(name, {}))
            if name.startswith("teacher"):
                data = taught(data, options.teacher)
            if name in OURS:
                trained = train(data, recipe(options, name, seed), base, output, device="cpu")
                record = {
                    "best_step": trained.best_step,
                    "steps": trained.recipe["plan"]["steps"],
                    "promotion": trained.recipe["promotion"],
                    "metrics": trained.metrics,
                }
            else:
                published(data, base, output, _published_settings(options, name))
        record["train_s"] = time.perf_counter() - started
        for side in ("target", "canary"):
            collection = getattr(options, f"{side}_collection")
            record[side] = measured(output, collection, options.passage_length)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {"recipe": name, "pairs": count, "seed": seed, **record}


def recipe(options: argparse.Namespace, name: str, seed: int) -> Recipe:
    """Our preset with what the cell changes."""
    changes = {"seed": seed, "passage_length": options.passage_length} | OURS[name]
    given = {
        "epochs": options.epochs,
        "evaluations": options.evaluations,
        "negatives_per_query": None if "negatives_per_query" in changes else options.negatives,
    }
    changes |= {field: value for field, value in given.items() if value}
    return PRESETS["balanced"].model_copy(update=changes)


def _published_settings(options: argparse.Namespace, name: str) -> dict[str, Any]:
    ours = PRESETS["balanced"]
    long = name == PUBLISHED_LONG
    return {
        "passage_length": options.passage_length,
        "epochs": (options.epochs or ours.epochs) if long else 1,
        "negatives": (options.negatives or ours.negatives_per_query) if long else 0,
    }


def table(cells: Sequence[dict[str, Any]]) -> str:
    """One Markdown line per recipe and number of pairs, means over its seeds."""
    start = next(cell for cell in cells if cell["recipe"] == "start")
    lines = [
        "| pairs | recipe | seeds | nDCG@10 (95 %) | against start, points (95 %) | Recall@100 |"
        " query / passage dims | canary nDCG@10 | canary, points | tuned share | minutes |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for one in cells:
        groups.setdefault((one["pairs"], one["recipe"]), []).append(one)
    order = {name: index for index, name in enumerate(RECIPES)}
    for (count, name), group in sorted(groups.items(), key=lambda g: (g[0][0], order[g[0][1]])):
        lines.append(_line(count, name, group, start))
    return "\n".join(lines) + "\n"


def _line(count: int, name: str, group: Sequence[dict[str, Any]], start: dict[str, Any]) -> str:
    target, canary = _averaged(group, "target", NDCG.name), _averaged(group, "canary", NDCG.name)
    bounds = interval(list(target.values()))
    gain = compare("start", name, NDCG.name, (start["target"][NDCG.name], target)).difference
    assert bounds is not None
    lost = (mean(canary) or 0.0) - (mean(start["canary"][NDCG.name]) or 0.0)
    shares = [cell["promotion"]["interpolation"] for cell in group if "promotion" in cell]
    cells = [
        str(count or "–"),
        name,
        "–" if name == "start" else ", ".join(str(cell["seed"]) for cell in group),
        f"{bounds.value:.3f} ({bounds.low:.3f}–{bounds.high:.3f})",
        "–"
        if name == "start"
        else f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})",
        f"{mean(_averaged(group, 'target', RECALL.name)):.3f}",
        " / ".join(
            f"{np.mean([cell['target'][side] for cell in group]):.0f}"
            for side in ("query_dims", "passage_dims")
        ),
        f"{mean(canary):.3f}",
        "–" if name == "start" else f"{100 * lost:+.1f}",
        ", ".join(f"{share:g}" for share in shares) or "–",
        "–" if name == "start" else f"{np.mean([cell['train_s'] for cell in group]) / 60:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _averaged(group: Sequence[dict[str, Any]], side: str, measure: str) -> dict[str, float]:
    """Query → mean over seeds."""
    return {
        query: float(np.mean([cell[side][measure][query] for cell in group]))
        for query in group[0][side][measure]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of collection folders")
    parser.add_argument("--cells", type=Path, required=True, help="folder of finished cells")
    parser.add_argument("--pairs", type=int, action="append", help="training pairs; 500")
    parser.add_argument("--seed", type=int, action="append", help="13 and 14")
    parser.add_argument("--recipe", action="append", choices=RECIPES, help="all of them")
    parser.add_argument("--epochs", type=float, help="the preset's")
    parser.add_argument("--evaluations", type=int, help="the preset's")
    parser.add_argument("--negatives", type=int, help="hard negatives per query; the preset's")
    parser.add_argument("--distractors", type=int, help="unjudged passages of the target; all")
    parser.add_argument("--passage-length", type=int, default=PRESETS["balanced"].passage_length)
    parser.add_argument("--teacher", type=Path, help="folder of a dense model, for `teacher`")
    parser.add_argument("--table", type=Path, help="write the table of all cells here")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    options.cache_dir = Path(
        os.environ.get("DISTILLER_CACHE_DIR") or platformdirs.user_cache_path("domain-distiller")
    )
    options.target_collection = load(options.folder / "liveqa_medquad")
    if options.distractors is not None:
        options.target_collection = smaller(options.target_collection, options.distractors)
    options.canary_collection = load(options.folder / "legal_plain_english")
    options.cells.mkdir(parents=True, exist_ok=True)
    names = options.recipe or [n for n in RECIPES if options.teacher or "teacher" not in n]
    for seed in options.seed or [13, 14]:
        for count in options.pairs or [500]:
            for name in names:
                _keep(
                    options, name, 0 if name == "start" else count, 0 if name == "start" else seed
                )
    text = table([json.loads(path.read_text()) for path in sorted(options.cells.glob("*.json"))])
    print(text)
    if options.table:
        options.table.write_text(text, encoding="utf-8")


def _keep(options: argparse.Namespace, name: str, count: int, seed: int) -> None:
    slug = "".join(letter if letter.isalnum() else "-" for letter in name)
    path = options.cells / f"{slug}-{count}-{seed}.json"
    if path.exists():
        return
    found = cell(options, name, count, seed)
    path.with_suffix(".new").write_text(json.dumps(found, indent=1), encoding="utf-8")
    path.with_suffix(".new").replace(path)
    print(f"{name}, {count} pairs, seed {seed}: {found['train_s'] / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()

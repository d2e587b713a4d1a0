"""The fast SPLADE head against sentence-transformers' own modules and a plain loop.

A training step (32 queries of 64 tokens, 3 passages of 128 tokens each: forward, InfoNCE, FLOPS
losses, backward, AdamW), encoding of texts of mixed length, and the head alone against the measured
peak of float32 matrix products, by whichever library is faster. The ways take turns in one process,
so whatever else the machine does falls on all of them alike; medians over rounds after a warm-up.
Peak memory is measured in a process of its own for each way: how much its resident set grows over
three training steps.

    python benchmarks/splade_head.py [--rounds 5] [--shapes tiny,22M,distilbert] [--active 50,150,1000]

On a GPU, tiles alone are one more way, steps are in bfloat16 by autocast unless `--numbers float32`
is given, memory is the allocator's, and random shapes come with each of `--vocabularies`:

    python benchmarks/splade_head.py --device cuda
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
import sentence_transformers
import torch
import transformers
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.losses import (
    SparseMultipleNegativesRankingLoss,
    SpladeLoss,
)
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
)

from distiller.splade import SpladeEncoder, fused, resolve
from distiller.splade.head import install
from distiller.splade.loading import quiet
from distiller.splade.max_logits import max_logits
from distiller.splade.products import linear
from distiller.splade.tiling import tile_for

PASSAGES_EACH = 3
QUERY_TOKENS, PASSAGE_TOKENS = 64, 128
QUERY_LAMBDA, PASSAGE_LAMBDA = 1e-3, 6e-4
TEXTS_EACH = 6
"""Texts to encode per query of a step, 10 to 256 words long, half of them under 90."""
WAYS = ("ours", "sentence-transformers", "plain loop")
TILES = "ours, tiles alone"
DEVICE, NUMBERS = "cpu", "float32"

COLUMNS = (
    "model",
    "active",
    "way",
    "triplets/s",
    "step s",
    "× ours",
    "peak MB",
    "texts/s",
    "× ours",
)

clock = time.perf_counter

Features = dict[str, torch.Tensor]


def shape(name: str) -> Any:
    """A model with random weights, of the shape of a published one: `22M` or `22M:250002`."""
    torch.manual_seed(1)
    kind, _, words = name.partition(":")
    size = {"vocab_size": int(words or 30_522)}
    if kind == "22M":  # MiniLM-L6: 6 layers, 384 wide
        config = BertConfig(
            hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
            **size,
        )  # fmt: skip
        return BertForMaskedLM(config)
    return DistilBertForMaskedLM(DistilBertConfig(**size))


def load(name: str, active: int, folder: Path) -> SparseEncoder:
    """The packaged model or a random one, its bias moved to so many active dimensions."""
    tiny = resolve("tiny", Path(platformdirs.user_cache_dir("distiller"))).source
    source = tiny
    if name != "tiny":
        source = str(folder / name)
        if not Path(source).exists():
            shape(name).save_pretrained(source)
            AutoTokenizer.from_pretrained(tiny).save_pretrained(source)
    with quiet():
        model = SparseEncoder(source, device=DEVICE)
    model.max_seq_length = 256
    with torch.no_grad():
        largest = model[0].model(**batch(8, PASSAGE_TOKENS, seed=5)).logits.amax(1)
        share = 1 - active / largest.shape[1]
        bias = model[0].model.get_output_embeddings().bias
        bias -= torch.quantile(largest.flatten(), share)
    return model


def batch(rows: int, length: int, seed: int) -> Features:
    """Whole rows of random words."""
    chooser = torch.Generator().manual_seed(seed)
    ids = torch.randint(1996, 30000, (rows, length), generator=chooser)
    ids[:, 0], ids[:, -1] = 101, 102
    ids = ids.to(DEVICE)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def columns(queries: int) -> list[Features]:
    lengths = (QUERY_TOKENS, *[PASSAGE_TOKENS] * PASSAGES_EACH)
    return [batch(queries, length, seed) for seed, length in enumerate(lengths)]


def published(model: Any, features: Features) -> torch.Tensor:
    """SPLADE's weights as the papers' code computes them (github.com/naver/splade)."""
    logits = model(**features).logits
    mask = features["attention_mask"].unsqueeze(-1)
    weights: torch.Tensor = torch.max(torch.log(1 + torch.relu(logits)) * mask, dim=1).values
    return weights


def plain_loss(model: Any, inputs: list[Features]) -> torch.Tensor:
    queries, *passages = (published(model, features) for features in inputs)
    everything = torch.cat(passages)
    own = torch.arange(len(queries), device=queries.device)
    ranking = torch.nn.functional.cross_entropy(queries @ everything.T, own)
    flops = [(weights.mean(0) ** 2).sum() for weights in (queries, everything)]
    return ranking + QUERY_LAMBDA * flops[0] + PASSAGE_LAMBDA * flops[1]


def stepper(model: SparseEncoder, way: str, queries: int) -> Callable[[], None]:
    """One optimizer step of a way of computing."""
    if way.startswith("ours"):
        assert install(model)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-7)  # so that the sparsity stays
    ranking = SparseMultipleNegativesRankingLoss(model, scale=1.0)
    loss = SpladeLoss(model, ranking, PASSAGE_LAMBDA, QUERY_LAMBDA)

    def step() -> None:
        optimizer.zero_grad()
        inputs = columns(queries)
        library = way != "plain loop"
        with torch.autocast(DEVICE, torch.bfloat16, enabled=NUMBERS == "bfloat16"):
            value = sum(loss(inputs).values()) if library else plain_loss(model[0].model, inputs)
        value.backward()
        optimizer.step()

    return step


def texts(model: SparseEncoder, count: int) -> list[str]:
    chooser = random.Random(3)
    words = sorted(word for word in model.tokenizer.get_vocab() if word.isalpha())
    lengths = [min(256, max(10, int(chooser.lognormvariate(4.5, 0.7)))) for _ in range(count)]
    return [" ".join(chooser.choices(words, k=length)) for length in lengths]


def encoder(model: SparseEncoder, way: str, count: int) -> Callable[[], Any]:
    """Encode all texts by a way of computing, to a sparse matrix."""
    corpus = texts(model, count)
    model.eval()
    if way.startswith("ours"):
        assert install(model)
        ours = SpladeEncoder(model)
        return lambda: ours.encode_passages(corpus)
    if way == "sentence-transformers":
        return lambda: model.encode_document(corpus, batch_size=32)

    @torch.inference_mode()
    def loop() -> list[torch.Tensor]:
        found = []
        for start in range(0, len(corpus), 32):
            features = model.preprocess(corpus[start : start + 32])
            features = {name: features[name].to(DEVICE) for name in ("input_ids", "attention_mask")}
            found.append(published(model[0].model, features).to_sparse())
        return found

    return loop


def in_turn(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each call, taking turns, after one warm-up."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            with kernel_allowed(name != TILES):
                finish()
                begun = clock()
                call()
                finish()
                if turn:
                    took[name].append(clock() - begun)
    return {name: statistics.median(times) for name, times in took.items()}


@contextmanager
def kernel_allowed(allowed: bool) -> Iterator[None]:
    """Where it is not, our head computes by tiles alone."""
    usual = fused.FUSED.works
    fused.FUSED.works = usual and allowed
    try:
        yield
    finally:
        if not allowed:  # otherwise a failure meanwhile is one for good
            fused.FUSED.works = usual


def finish() -> None:
    """Wait for what was asked of the device."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def resident(line: str) -> float:
    """MB of this process, `VmRSS` now or `VmHWM` at most so far."""
    entries = Path("/proc/self/status").read_text().splitlines()
    return next(int(entry.split()[1]) / 1024 for entry in entries if entry.startswith(line))


def grown(
    name: str, active: int, folder: Path, way: str, queries: int, device: tuple[str, str]
) -> float:
    """MB by which three steps raise the peak over the loaded model; call in a fresh process."""
    global DEVICE, NUMBERS
    DEVICE, NUMBERS = device
    if DEVICE == "cuda":
        return grown_on_device(load(name, active, folder), way, queries)
    step = stepper(load(name, active, folder), way, queries)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of loading
    before = resident("VmRSS")
    for _ in range(3):
        step()
    return resident("VmHWM") - before


def grown_on_device(model: SparseEncoder, way: str, queries: int) -> float:
    before = torch.cuda.memory_allocated()
    step = stepper(model, way, queries)
    with kernel_allowed(way != TILES):
        step()  # which measures, and so takes the memory of both ways
        torch.cuda.reset_peak_memory_stats()
        for _ in range(3):
            step()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def head_alone(width: int, rounds: int) -> None:
    """Forward and forward + backward of the head, 32 × 128 tokens, 150 active, and its share."""
    torch.manual_seed(0)
    hidden = torch.nn.functional.layer_norm(torch.randn(32, 128, width), (width,))
    weight = torch.randn(30_522, width) * 0.05
    largest = torch.nn.functional.linear(hidden[:4], weight).amax(1)
    bias = torch.full((30_522,), -float(torch.quantile(largest.flatten(), 1 - 150 / 30_522)))
    mask = torch.ones(32, 128)
    leaves = [part.requires_grad_() for part in (hidden, weight, bias)]
    product, square = torch.empty(4096, 1024), torch.randn(2048, 2048)
    flat, some = hidden.detach().view(-1, width), weight.detach()[:1024].t()

    def forward() -> torch.Tensor:
        with torch.inference_mode():
            return max_logits(hidden, mask, weight, bias)

    def both() -> None:
        max_logits(leaves[0], mask, leaves[1], leaves[2]).sum().backward()

    flop = 2 * hidden.numel() * 30_522 / 1e9
    calls = {
        "forward": forward,
        "both": both,
        "square": lambda: torch.mm(square, square),
        "square by ours": lambda: linear(square, square.t()),
        "product": lambda: torch.mm(flat, some, out=product),
        "product by ours": lambda: linear(flat, some.t()),
    }
    took = in_turn(calls, rounds)
    flops = {"square": 2 * 2048**3, "product": 2 * product.numel() * width}
    peak = max(flops[name.split()[0]] / took[name] for name in list(calls)[2:]) / 1e9
    cells = [str(width), f"{peak:.0f}"]
    for name in ("forward", "both"):
        cells += [f"{took[name]:.3f} s", f"{flop / took[name] / peak:.0%}"]
    row(*cells, str(tuple(tile_for(len(flat), weight))))


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def compare(name: str, active: int, folder: Path, args: argparse.Namespace) -> None:
    """Print the rows of one model shape."""
    model, queries = load(name, active, folder), args.queries
    every = (WAYS[0], TILES, *WAYS[1:]) if DEVICE == "cuda" else WAYS
    with torch.inference_mode():
        found = model(batch(8, PASSAGE_TOKENS, seed=9))["sentence_embedding"]
    dims = f"{(found > 0).sum(1).float().mean():.0f}"
    steps = in_turn(
        {way: stepper(copy.deepcopy(model), way, queries) for way in every}, args.rounds
    )
    count = queries * TEXTS_EACH
    encoded = in_turn(
        {way: encoder(copy.deepcopy(model), way, count) for way in every}, args.rounds
    )
    for way in every:
        megabytes = "–"
        if not args.no_memory:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                inputs = (name, active, folder, way, queries, (DEVICE, NUMBERS))
                megabytes = f"{pool.apply(grown, inputs):,.0f}"
        rates = queries * (PASSAGES_EACH - 1) / steps[way], count / encoded[way]
        ratios = [f"{took[way] / took['ours']:.1f}" for took in (steps, encoded)]
        cells = [name, dims, way, f"{rates[0]:.1f}", f"{steps[way]:.2f}", ratios[0], megabytes]
        row(*cells, f"{rates[1]:.1f}", ratios[1])


def heads_on_device(args: argparse.Namespace) -> None:
    """The head alone by each way, at each size."""
    from splade_head_device import HEADINGS, chosen, head_on  # noqa: PLC0415

    row(*HEADINGS)
    row(*["---"] * len(HEADINGS))
    for dtype in (torch.float32, torch.bfloat16):
        for vocabulary in map(int, args.vocabularies.split(",")):
            for width in map(int, args.widths.split(",")):
                for cells in head_on(DEVICE, dtype, vocabulary, width, args.rounds):
                    row(*cells)
    print("\n".join(chosen()))
    fused.FUSED.measured.clear()  # what the head of a model is given is measured anew


def sized(args: argparse.Namespace) -> list[str]:
    """Shapes, on a GPU with each vocabulary; the packaged model has its own."""
    return [
        f"{name}:{words}" if DEVICE == "cuda" and name != "tiny" else name
        for name in args.shapes.split(",")
        for words in args.vocabularies.split(",")[: None if name != "tiny" else 1]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shapes", default="tiny,22M,distilbert")
    parser.add_argument("--active", default="50,150,1000", help="active dimensions of each shape")
    parser.add_argument("--widths", default="128,384,768", help="of the head alone")
    parser.add_argument("--queries", type=int, default=32, help="queries of a step")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument(
        "--threads", type=int, help="1: processor time, less disturbed than a clock"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--numbers", choices=("float32", "bfloat16"), help="of a step on a GPU")
    parser.add_argument("--vocabularies", default="30522,250002", help="of random shapes on a GPU")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no CUDA device; leave --device out to measure the processor")
    global DEVICE, NUMBERS  # noqa: PLW0603
    DEVICE = args.device
    NUMBERS = args.numbers or ("bfloat16" if DEVICE == "cuda" else "float32")
    torch.set_num_threads(args.threads or torch.get_num_threads())
    if args.threads == 1:
        global clock  # noqa: PLW0603
        clock = time.process_time
    print(
        f"torch {torch.__version__}, sentence-transformers {sentence_transformers.__version__},"
        f" transformers {transformers.__version__}, Python {platform.python_version()};"
        f" {torch.get_num_threads()} threads; load {os.getloadavg()[0]:.1f}"
    )
    if DEVICE == "cuda":
        print(f"{torch.cuda.get_device_name()}; steps in {NUMBERS}")
        heads_on_device(args)
    else:
        row("width", "peak GFLOP/s", "forward", "share", "forward + backward", "share", "tile")
        row(*["---"] * 7)
        for width in map(int, args.widths.split(",")):
            head_alone(width, args.rounds)
    row(*COLUMNS)
    row(*["---"] * 9)
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(sized(args)):
            for active in args.active.split(","):
                compare(name, int(active), Path(folder), args)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

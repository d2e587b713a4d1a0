"""Options that several commands share, each worded once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        envvar="DISTILLER_WORKSPACE",
        metavar="DIR",
        help="Folder of the database, models and logs (default: ./workspace).",
    ),
]
Llm = Annotated[
    str | None,
    typer.Option(
        "--llm",
        envvar="DISTILLER_LLM_URL",
        metavar="local|URL",
        help="Embedded model, or base URL of any OpenAI-compatible endpoint (key: OPENAI_API_KEY).",
    ),
]
LlmModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="DISTILLER_LLM_MODEL",
        help="Model at the endpoint; for `local` a GGUF file or hub name.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option("--budget", min=0, metavar="DOLLARS", help="What the project may spend in all."),
]
ProjectName = Annotated[
    str | None,
    typer.Option("--project", help="Project to work on (default: the newest)."),
]
Json = Annotated[
    bool, typer.Option("--json", help="Machine-readable result on stdout; the rest on stderr.")
]
DomainText = Annotated[
    str, typer.Option("--domain", help="The field in words, such as 'residential tenancy law'.")
]
Description = Annotated[
    str, typer.Option("--description", help="More about the field, its audience and its limits.")
]
Language = Annotated[
    str, typer.Option("--language", metavar="TAG", help="BCP 47 language tag of all texts.")
]
Template = Annotated[
    str,
    typer.Option("--template", metavar="NAME|FILE", help="Domain template: query types, personas."),
]
Concepts = Annotated[int, typer.Option("--concepts", min=1, help="Concepts of the knowledge base.")]
Positives = Annotated[
    int, typer.Option("--positives-per-query", min=1, max=10, help="Passages that answer a query.")
]
Negatives = Annotated[
    int,
    typer.Option("--negatives-per-query", min=0, max=20, help="Passages that only seem to answer."),
]
PerPassage = Annotated[
    int,
    typer.Option("--per-passage", min=1, max=20, help="Queries asked of each document passage."),
]
GroundedShare = Annotated[
    float | None,
    typer.Option(
        "--grounded-share",
        min=0,
        max=1,
        help="Share of the queries written from documents (default: all, where there are any).",
    ),
]
GroundedNegatives = Annotated[
    int,
    typer.Option(
        "--grounded-negatives",
        min=0,
        max=20,
        help="Negatives written for a query that a document answers; `mine` finds better ones.",
    ),
]
Contrastive = Annotated[
    bool,
    typer.Option(
        "--contrastive", help="Spread hard negatives over the six contrastive strategies."
    ),
]
Attempts = Annotated[
    int,
    typer.Option(
        "--repair-attempts",
        "--attempts",
        min=1,
        max=10,
        help="How often one text is mended at most; what is wrong then stays found.",
    ),
]
Base = Annotated[
    str,
    typer.Option("--base", metavar="MODEL", help="Start model: hub name, folder, or `tiny`."),
]
RecipeSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting of the recipe that differs from the preset's, such as epochs=5; may be"
        " repeated.",
    ),
]
Rounds = Annotated[
    int,
    typer.Option(
        "--rounds",
        min=1,
        max=4,
        help="Trainings: after each, negatives are mined again with its model, and the start model"
        " is trained on those; the best is kept. Needs documents.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, envvar="DISTILLER_SEED", help="Of the split and of chance in training."
    ),
]
CollectionDir = Annotated[
    Path | None,
    typer.Option("--collection", metavar="DIR", help="Human-judged BEIR folder to measure on."),
]


CorpusPath = Annotated[
    Path | None,
    typer.Option(
        "--corpus", metavar="PATH", help="Folder or file of the team's own documents to read first."
    ),
]
PassageWords = Annotated[
    int,
    typer.Option(
        "--words",
        min=20,
        max=2000,
        help="Words of a passage, about; documents that were read before keep theirs.",
    ),
]
PassageOverlap = Annotated[
    int,
    typer.Option("--overlap", min=0, max=500, help="Words repeated where a paragraph is cut."),
]


Teacher = Annotated[
    str | None,
    typer.Option(
        "--teacher",
        metavar="TEACHER",
        help="dense, bm25, judge, cross-encoder:MODEL, or several joined by + (dense+bm25).",
    ),
]


class Complexity(StrEnum):
    SIMPLE = "simple"
    MIXED = "mixed"
    COMPLEX = "complex"


class Source(StrEnum):
    WORDS = "words"
    CORPUS = "corpus"
    BOTH = "both"


class Length(StrEnum):
    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


class Preset(StrEnum):
    QUICK = "quick"
    BALANCED = "balanced"
    THOROUGH = "thorough"
    INSTANT = "instant"


class Format(StrEnum):
    SPLADE = "splade"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    BEIR = "beir"
    TRIPLETS = "triplets"
    PARQUET = "parquet"


QueryMix = Annotated[Complexity, typer.Option("--complexity", help="How hard the queries are.")]
PassageLength = Annotated[Length, typer.Option("--length", help="How long the passages are.")]
TrainingPreset = Annotated[Preset, typer.Option("--preset", help="How long and careful to train.")]
KnowledgeFrom = Annotated[
    Source | None,
    typer.Option(
        "--from", help="Take concepts from words, documents or both (default: what is there)."
    ),
]

"""Systems by name, indexed on a collection's corpus."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from distiller.retrieve import BM25, Fusion, SparseIndex
from distiller.schema.errors import InputError
from distiller.schema.retrieval import Collection, Retriever, SparseEncoder

BM25_NAME = "bm25"
_PRUNED = re.compile(r"(?P<model>.+)@(?:(?P<queries>\d+)/)?(?P<passages>\d+)")


def systems(names: Sequence[str], collection: Collection, cache_dir: Path) -> list[Retriever]:
    """Index the corpus of a collection for each system named.

    Args:
        names: `bm25`, `tiny` (the packaged start model), a model folder (exported ones too), a hub
            name, or several of these joined by `+`: their reciprocal rank fusion. A model's name
            may end in `@128` (the 128 heaviest terms of each passage) or `@16/128` (the 16 heaviest
            of each query as well).
        collection: What will be ranked.
        cache_dir: Where start models are unpacked.

    Returns:
        One retriever per name, in that order, called by that name.

    Raises:
        InputError: No name, a name given twice, or one that names no model.
        ModelUnavailable: The weights are missing or give no usable encoding.
    """
    if not names:
        raise InputError("no system named; give bm25, tiny, a model folder or a hub name")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{twice[0]} is named twice; name each system once")
    indexed: dict[str, Retriever] = {}
    return [_system(name, collection, cache_dir, indexed) for name in names]


def _system(
    name: str, collection: Collection, cache_dir: Path, indexed: dict[str, Retriever]
) -> Retriever:
    parts = [name] if Path(name).exists() else name.split("+")
    if len(parts) > 1:
        return Fusion([_system(part, collection, cache_dir, indexed) for part in parts], name)
    if name not in indexed:
        indexed[name] = (
            BM25(collection.corpus, collection.language, name)
            if name == BM25_NAME
            else _sparse(name, collection.corpus, cache_dir)
        )
    return indexed[name]


def _sparse(name: str, corpus: Mapping[str, str], cache_dir: Path) -> SparseIndex:
    from distiller.splade import PrunedEncoder  # noqa: PLC0415

    pruned = None if Path(name).exists() else _PRUNED.fullmatch(name)
    if pruned is None:
        return SparseIndex(_encoder(name, cache_dir), corpus)
    query_terms, passage_terms = pruned["queries"], pruned["passages"]
    encoder = PrunedEncoder(
        _encoder(pruned["model"], cache_dir),
        query_terms=int(query_terms) if query_terms else None,
        passage_terms=int(passage_terms),
        name=name,
    )
    return SparseIndex(encoder, corpus)


def _encoder(name: str, cache_dir: Path) -> SparseEncoder:
    from distiller.splade import OnnxEncoder, SpladeEncoder, is_exported, resolve  # noqa: PLC0415

    if is_exported(name):
        return OnnxEncoder(name, name=name)
    return SpladeEncoder(resolve(name, cache_dir).source, name=name)

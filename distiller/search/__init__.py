"""Search with a model and see why: the terms that matched, and those that the model added."""

from distiller.search.explain import Explanation, Hit, Match, QueryTerm, explain

__all__ = ["Explanation", "Hit", "Match", "QueryTerm", "explain"]

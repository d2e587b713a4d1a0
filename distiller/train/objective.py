"""The whole loss of a training step. Imports torch: import it inside functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from sentence_transformers.base.losses.merged_forward import embed_columns
from torch import Tensor, nn

from distiller.train import losses, processes
from distiller.train.guard import Reference
from distiller.train.recipe import Recipe
from distiller.train.sparsity import Steering
from distiller.train.supervision import Supervision

Features = dict[str, Any]


class Objective(nn.Module):
    """InfoNCE, distillation from a teacher and from the start model, and the FLOPS losses.

    Columns are the query, the positive, the negatives and, where the recipe has general texts, one
    of those. Labels are the numbers of the rows.
    """

    def __init__(
        self,
        model: SparseEncoder,
        recipe: Recipe,
        known: Supervision,
        start: Reference,
        steering: Steering,
    ) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe
        self.known = known
        self.start = start
        self.steering = steering
        self.distils = known.has_teacher and bool(recipe.kl_weight or recipe.margin_weight)

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> dict[str, Tensor]:
        """The parts whose sum is the loss."""
        columns = list(sentence_features)
        texts = columns[:-1] if self.start.general is not None else columns
        embeddings = embed_columns(self.model, texts)
        embeddings += [self.model(column)["sentence_embedding"] for column in columns[len(texts) :]]
        return self.parts(embeddings, labels)

    def parts(self, embeddings: Sequence[Tensor], labels: Tensor) -> dict[str, Tensor]:
        """The loss from term weights, by part: that of the whole batch, in each of its processes.

        Args:
            embeddings: One tensor per column, shape (rows of this process, vocabulary) each.
            labels: Numbers of the rows, shape (rows of this process,).
        """
        embeddings, labels = processes.whole_batch(embeddings, labels)
        rows = labels.cpu()
        query = embeddings[0]
        columns = embeddings[1:-1] if self.start.general is not None else embeddings[1:]
        passages = torch.cat(list(columns))
        scores = query @ passages.T
        never = self.known.never(rows).to(query.device)
        weights = self.known.weights[rows].to(query.device)
        targets = torch.arange(len(rows), device=query.device)
        parts = {
            "base_loss": self.recipe.infonce_weight
            * losses.info_nce(scores, targets, never, weights)
        }
        if self.distils:
            parts["teacher_loss"] = self._teacher(scores, rows, weights)
        guard = self._guard(scores, never, rows, embeddings[-1])
        if guard is not None:
            parts["guard_loss"] = guard
        return parts | self._sparsity(query, passages)

    def _teacher(self, scores: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        count = len(rows)
        own = torch.arange(count, device=scores.device)
        student = scores.view(count, -1, count)[own, :, own]
        scale = self.start.spread / self.recipe.teacher_temperature
        teacher = self.known.teacher[rows].to(scores.device) * scale
        return self.recipe.kl_weight * losses.listwise_kl(
            student, teacher, weights
        ) + self.recipe.margin_weight * losses.margin_mse(student, teacher, weights)

    def _guard(self, scores: Tensor, never: Tensor, rows: Tensor, general: Tensor) -> Tensor | None:
        """How far the model has moved away from its start; None where the recipe lets it."""
        terms = []
        if self.recipe.self_distillation:
            said = self.start.scores(self.known.queries[rows], self.known.candidates(rows))
            moved = losses.ranking_kl(scores, said.to(scores.device), never)
            terms.append(self.recipe.self_distillation * moved)
        if self.start.general is not None:
            said = self.start.weights(rows % self.start.general.shape[0]).to(general.device)
            terms.append(self.recipe.general_weight * ((general - said) ** 2).sum(1).mean())
        return torch.stack(terms).sum() if terms else None

    def _sparsity(self, query: Tensor, passages: Tensor) -> dict[str, Tensor]:
        steering = self.steering
        if self.training and torch.is_grad_enabled():
            steering.see(losses.active_dims(query), losses.active_dims(passages))
        return {
            "document_regularizer_loss": losses.flops(passages)
            * steering.passage.weight(steering.ramp),
            "query_regularizer_loss": losses.flops(query) * steering.query.weight(steering.ramp),
        }


class CachedObjective(CachedLossMixin, Objective):  # type: ignore[misc]
    """The same with the gradients of a step computed in parts, for steps that do not fit in memory.

    GradCache, https://arxiv.org/abs/2101.06983.
    """

    def __init__(self, *args: Any, part: int) -> None:
        """As `Objective`; `part` is how many texts are computed at once."""
        super().__init__(*args)
        self.mini_batch_size = part
        self.mini_batch_num_tokens = None
        self.show_progress_bar = False
        self._values: dict[str, Tensor] = {}

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor, *, with_backward: bool = False
    ) -> Tensor:
        """The loss from the parts' term weights; with `with_backward`, their gradients too."""
        parts = self.parts([torch.cat(column) for column in reps], labels)
        self._values = {name: value.detach() for name, value in parts.items()}
        total = torch.stack(list(parts.values())).sum()
        if with_backward:
            torch.autograd.backward(total)
            total = total.detach()
        return total

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> dict[str, Tensor]:
        """The parts; the first carries the gradient of all."""
        total: Tensor = CachedLossMixin.forward_cached(self, sentence_features, labels)
        others = {name: value for name, value in self._values.items() if name != "base_loss"}
        return {"base_loss": total - torch.stack(list(others.values())).sum(), **others}

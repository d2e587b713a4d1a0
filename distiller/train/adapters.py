"""Adapters: a few numbers per layer learn, and the model's own stay as they are.

LoRA, Hu et al. 2021, https://arxiv.org/abs/2106.09685. Imports torch: import it inside functions.
"""

from __future__ import annotations

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Transformer

from distiller.schema.errors import StageFailed
from distiller.train.recipe import Recipe

_USUAL_RANK = 16
_SCALE = 2
"""What adapters add is multiplied by this (`lora_alpha` is so many times the rank)."""
_ADAPTERS, _WRAPPED = "lora_", ".base_layer"
"""What peft calls an adapter's own weights, and the layer inside an adapted one."""


def wanted_rank(model: SparseEncoder, recipe: Recipe) -> int:
    """Rank of the adapters that a recipe trains in a model's place; 0 where it trains the model."""
    if recipe.adapter_rank is not None:
        return recipe.adapter_rank
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return _USUAL_RANK if parameters >= recipe.adapters_from else 0


def add(model: SparseEncoder, rank: int, seed: int) -> SparseEncoder:
    """Give every linear layer but the vocabulary projection an adapter, in place.

    Only adapters can learn from then on. They change nothing at first.

    Args:
        model: With or without the fast head.
        rank: Of each adapter's two matrices.
        seed: Decides the first of them; the second is zero.

    Raises:
        StageFailed: peft is not installed.
    """
    try:
        from peft import LoraConfig  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StageFailed(
            f"adapters for a large start model need peft ({error}); run:"
            " pip install 'domain-distiller[adapters]', or set adapter_rank to 0"
        ) from error
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for module in list(model.modules()):  # in routers too
            if isinstance(module, Transformer):
                module.model.add_adapter(
                    LoraConfig(r=rank, lora_alpha=_SCALE * rank, target_modules="all-linear")
                )
    return model


def are_in(model: SparseEncoder) -> bool:
    """Whether a model has adapters."""
    return any(_ADAPTERS in name for name, _ in model.named_parameters())


def merged(adapted: SparseEncoder, plain: SparseEncoder) -> SparseEncoder:
    """What an adapted model has learned, as weights of a model that nobody needs peft for.

    Args:
        adapted: Not to be trained any further.
        plain: The model that the adapters were added to; it takes over the weights and is returned.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: PLC0415 - an extra

    for layer in adapted.modules():
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
    weights = adapted.state_dict()
    plain.load_state_dict(
        {name.replace(_WRAPPED, ""): weights[name] for name in weights if _ADAPTERS not in name}
    )
    return plain

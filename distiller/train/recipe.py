"""What a training does, as data."""

from __future__ import annotations

import math
from types import MappingProxyType

from pydantic import ConfigDict, Field, field_validator

from distiller.schema.base import Record
from distiller.schema.retrieval import TrainedModel


class Recipe(Record):
    """The knobs of one training. The defaults are the balanced preset's."""

    # 3 and 3.0 are the same number of epochs, and two texts: a recipe that was written and read again
    # would be another training.
    model_config = ConfigDict(validate_default=True)

    name: str = "custom"
    words: str = ""
    """What it is for, for people who do not read numbers."""
    evidence: str = ""
    """Why these values."""
    epochs: float = Field(default=3.0, gt=0)
    min_steps: int = Field(default=60, ge=1)
    """Optimizer steps at least: a dozen queries make one batch, and one step teaches nothing."""
    batch_size: int = Field(default=16, ge=1)
    """Queries of a batch; each sees the passages of the others as negatives. Where several processes
    train, they share it out."""
    accumulation: int = Field(default=1, ge=1)
    """Batches per optimizer step, where a larger batch does not fit in memory."""
    length_buckets: bool = True
    """Batches of texts of like length: less padding."""
    negatives_per_query: int = Field(default=3, ge=0)
    """Hard negatives beside each positive; missing ones are drawn from the train passages."""
    expert_weight: float = Field(default=2.0, gt=0)
    """How much more a positive counts that a reviewer decided on."""
    partial_weight: float = Field(default=0.5, gt=0)
    """What a positive of grade 2 (it answers in part) counts beside one of grade 3."""
    learning_rate: float = Field(default=3e-5, gt=0)
    """Peak of AdamW's linear schedule."""
    adapter_rank: int | None = Field(default=None, ge=0)
    """Rank of the adapters that learn in the model's place (LoRA, https://arxiv.org/abs/2106.09685);
    0 trains the model itself, None takes 16 where the model is large."""
    adapters_from: int = Field(default=150_000_000, ge=1)
    """Parameters of a start model from which on that is so: each takes 16 bytes while it learns, with
    its gradient and what AdamW keeps of it, and 4 while it does not."""
    adapter_rate: float = Field(default=3e-4, gt=0)
    """Peak learning rate of adapters, which learn best at ten times that of whole models
    (https://thinkingmachines.ai/blog/lora)."""
    query_table: bool = False
    """Whether queries are looked up in a table of learned term weights instead of being encoded:
    a query then costs microseconds (SPLADE-doc, https://arxiv.org/abs/2109.10086)."""
    table_rate: float = Field(default=1e-2, gt=0)
    """Learning rate of that table."""
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""
    rarity_power: float = Field(default=0.3, ge=0)
    """How much terms that are rare in the corpus gain on others before training begins: the power of
    their inverse document frequency that a start model's weights are multiplied by (`rarity`). 0
    leaves them; models with a query table of their own are left as they are."""
    reads: bool = True
    """Whether the start model reads the corpus's language. Where it is known not to, this is set to
    False, and it learns from counting what words weigh (`corpus_fit`) instead."""
    corpus_steps: int = Field(default=300, ge=0)
    """Steps of that, at most; 0 for none. Where adapters learn in the model's place there are none."""
    corpus_rate: float = Field(default=3e-4, gt=0)
    """Peak learning rate of that in a model 128 wide; a wider one takes as much less."""
    infonce_weight: float = Field(default=1.0, ge=0)
    """Weight of InfoNCE over in-batch and hard negatives (https://arxiv.org/abs/1807.03748)."""
    kl_weight: float = Field(default=1.0, ge=0)
    margin_weight: float = Field(default=0.05, ge=0)
    """Weights of listwise KL (https://arxiv.org/abs/2010.11386) and MarginMSE
    (https://arxiv.org/abs/2010.02666) on rows with teacher scores, in the proportion of SPLADE-v3
    (https://arxiv.org/abs/2403.06789)."""
    teacher_temperature: float = Field(default=1.0, gt=0)
    """The teacher's z-scores are spread as the start model's scores are, divided by this."""
    query_lambda: float = Field(default=5e-5, ge=0)
    passage_lambda: float = Field(default=3e-5, ge=0)
    """Weights of the FLOPS losses (https://arxiv.org/abs/2004.05665) at full strength; where they
    are steered, what steering begins with."""
    steered: bool = True
    """Whether those weights follow the number of active dimensions."""
    query_dims: float | None = Field(default=None, gt=0)
    passage_dims: float | None = Field(default=None, gt=0)
    """Active dimensions to steer towards; None takes the start model's own, times `dims_ratio`."""
    dims_ratio: float = Field(default=1.0, gt=0)
    ramp: float = Field(default=1 / 3, gt=0, le=1)
    """Share of the steps over which those weights rise, by the square of the step; at full
    strength from the start they press every term to zero."""
    self_distillation: float = Field(default=0.0, ge=0)
    """Weight of staying near the start model's ranking of each batch (KL)."""
    general_weight: float = Field(default=0.0, ge=0)
    """Weight of staying near its term weights on texts drawn from its whole vocabulary."""
    general_texts: int = Field(default=512, ge=1)
    """How many of those texts there are."""
    interpolations: tuple[float, ...] = (0.25, 0.5, 0.75)
    """Shares of the way from start to tuned weights that are tried on the dev split, besides all of
    it (WiSE-FT, https://arxiv.org/abs/2109.01903)."""
    least_gain: float = Field(default=0.005, ge=0)
    """nDCG@10 on the dev split that a model must gain, and more, to be promoted."""
    deciding_queries: float = Field(default=1.0, ge=0)
    """Dev queries that must not be able to decide it: found first instead of not at all, so many of
    n make a gain of as many n-ths, and a model must gain more (decision 30)."""
    most_forgotten: float = Field(default=0.02, ge=0)
    """nDCG@10 that it may lose on the canary collection, where one is given."""
    query_length: int = Field(default=64, ge=4)
    passage_length: int = Field(default=256, ge=8)
    """Tokens that training reads of a text; measuring reads whole queries."""
    evaluations: int = Field(default=6, ge=1)
    """How often the dev split is measured, the last step included, step 0 not."""
    patience: int = Field(default=4, ge=0)
    """Evaluations without a new best after which training stops; 0 never stops early."""
    seed: int = 13

    @property
    def counts_rarity(self) -> bool:
        """Whether a start model's weights are multiplied by rarity, where it can be done."""
        return self.reads and self.rarity_power > 0 and not self.query_table

    @property
    def fewest_query_dims(self) -> float:
        """Mean active dimensions of a query under which the model has collapsed.

        A few where a query has no terms but its own words.
        """
        return 1 if self.query_table or not self.reads else 5

    @field_validator("interpolations")
    @classmethod
    def _between(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < share < 1 for share in shares):
            raise ValueError("every share lies between 0 and 1; both ends are tried anyway")
        return shares


PRESETS: MappingProxyType[str, Recipe] = MappingProxyType(
    {
        "quick": Recipe(
            name="quick",
            words="One short pass, to see that everything works; not meant to win.",
            epochs=1,
            negatives_per_query=2,
            evaluations=3,
            interpolations=(0.5,),
            patience=0,
            evidence="One pass with few negatives: to see that everything works, not to win.",
        ),
        "balanced": Recipe(
            name="balanced",
            words="Three passes over the data. A good first choice.",
            evidence="On 500 human question-answer pairs (MedQuAD) it took a 4.4M-parameter model"
            " from .673 to .762 nDCG@10 on LiveQA's questions (+8.9 points, 95 % interval 4.5 to"
            " 13.9; two seeds), sentence-transformers' example settings to .717, the same with"
            " batches of 8 to .723; on legal questions nothing was lost (+0.2)."
            " With negatives of deeper ranks, as mining draws them now, on that whole collection:"
            " .526 to .612 with 500 pairs and to .654 with 2,000 (the example .560 and .591)."
            " benchmarks/recipe_study.py, docs/results/recipe_study.md.",
        ),
        "thorough": Recipe(
            name="thorough",
            words="Six passes with many hard negatives, for the model you will use.",
            epochs=6,
            min_steps=120,
            negatives_per_query=8,
            evaluations=12,
            evidence="8 hard negatives per query, as SPLADE-v3 (https://arxiv.org/abs/2403.06789);"
            " the longer run is guarded by the dev split.",
        ),
        "instant": Recipe(
            name="instant",
            words="For search that must cost nothing: a query's words are looked up in a table"
            " instead of being read by the model. Knows less outside its field.",
            query_table=True,
            query_lambda=0.0,
            evidence="Queries without a model, as in SPLADE-doc (https://arxiv.org/abs/2109.10086)."
            " In the balanced preset's study one of two trainings gained 11.5 points on LiveQA's"
            " questions and lost 4.7 on legal ones; the other did not gain on its dev split, so the"
            " start model was kept. benchmarks/recipe_study.py, docs/results/recipe_study.md.",
        ),
    }
)
"""Preset name → recipe."""

SPANS = 32
"""Spans of passages in a step of learning from counting (`corpus_fit`)."""
_SPANS_PER_PASSAGE = 16
"""At most, so that a few passages are not learned by heart."""
_SAVES_PER_EVALUATION = 4
_STEPS_BETWEEN_SAVES = 10


class Plan(Record):
    """A recipe worked out for a number of training rows; everything counts optimizer steps."""

    steps: int
    batch_size: int
    """Queries of a batch; a step takes `Recipe.accumulation` batches."""
    warmup_steps: int
    ramp_steps: int
    evaluate_every: int
    save_every: int
    """Divides `evaluate_every`, so that every measured step has its checkpoint."""


def plan(recipe: Recipe, rows: int) -> Plan:
    """Work out steps and cadence; the last step is always measured and saved.

    Args:
        recipe: What is wished for.
        rows: Training rows (a query with one positive and its negatives), at least 1.
    """
    batch_size = min(recipe.batch_size, rows)
    batches = math.ceil(recipe.epochs * math.ceil(rows / batch_size))
    wished = max(math.ceil(batches / recipe.accumulation), recipe.min_steps)
    evaluate_every = math.ceil(wished / recipe.evaluations)
    saves = _SAVES_PER_EVALUATION
    if evaluate_every < saves * _STEPS_BETWEEN_SAVES:
        saves = 1
    save_every = math.ceil(evaluate_every / saves)
    evaluate_every = save_every * saves
    steps = math.ceil(wished / evaluate_every) * evaluate_every
    return Plan(
        steps=steps,
        batch_size=batch_size,
        warmup_steps=int(steps * recipe.warmup),
        ramp_steps=max(1, int(steps * recipe.ramp)),
        evaluate_every=evaluate_every,
        save_every=save_every,
    )


def recipe_of(model: TrainedModel) -> Recipe:
    """What a model was trained by, of the settings that this version knows.

    Raises:
        ValidationError: A setting has a value that it cannot have.
    """
    known = {name: model.recipe[name] for name in Recipe.model_fields if name in model.recipe}
    return Recipe.model_validate(known)


def corpus_steps(recipe: Recipe, passages: int) -> int:
    """Steps of learning from counting in so many passages."""
    return min(recipe.corpus_steps, passages * _SPANS_PER_PASSAGE // SPANS)


def ramp_weight(step: int, ramp_steps: int, full: float) -> float:
    """The regulariser's weight at a step: full × (step / ramp_steps)², full from `ramp_steps` on.

    Paria et al. 2020, https://arxiv.org/abs/2004.05665, section 4.
    """
    return full * min(1.0, step / ramp_steps) ** 2

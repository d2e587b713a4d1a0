"""What `_meta` carries for us, and how examples are put together from a layout's records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from distiller.dataset.texts import passage_id_of, query_id_of
from distiller.schema.dataset import Example, LabelledPassage, SplitName, UnlabelledPassage
from distiller.schema.errors import InvalidFile
from distiller.schema.examples import POSITIVE_GRADE, Grade, Strategy

M = TypeVar("M")

OWN_KEY = "distiller"
"""Key of `_meta` that holds what the layout has no place for."""

RELEVANT_GRADE = 3
"""Grade of a passage that a file only calls relevant."""


def _has_words(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty")
    return text


Text = Annotated[str, AfterValidator(_has_words)]


class PassageMeta(BaseModel):
    """What a layout does not say of a passage."""

    model_config = ConfigDict(strict=True)

    passage_id: str | None = None
    title: str = ""
    grade: Grade | None = None
    explanation: str = ""
    strategy: str | None = None
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    decided_by: str = ""


class BackgroundMeta(BaseModel):
    """A passage that no record of the file labels."""

    model_config = ConfigDict(strict=True)

    passage_id: str | None = None
    title: str = ""
    text: Text


class ExampleMeta(BaseModel):
    """What a layout does not say of a query and its passages."""

    model_config = ConfigDict(strict=True)

    query_id: str | None = None
    type: str = ""
    complexity: str = ""
    answer_type: str = ""
    key_concepts: list[str] = Field(default_factory=list)
    cluster: str = ""
    split: SplitName = "train"
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    positive: PassageMeta | None = None
    negatives: list[PassageMeta] | None = None
    documents: list[PassageMeta] | None = None
    background: list[BackgroundMeta] = Field(default_factory=list)
    """Of the whole file; usually the first record has it."""


NOT_OF_EXAMPLE = {"query_id", "positive", "negatives", "documents", "background"}
"""Fields of `ExampleMeta` that are not an example's own."""


class Contents(NamedTuple):
    """What a file of training data holds."""

    examples: list[Example]
    background: list[UnlabelledPassage]
    """Unlabelled passages that the examples' queries are ranked among, too."""


class Meta(BaseModel):
    """`_meta` of a record: our part, and whatever the user put there."""

    model_config = ConfigDict(extra="allow", strict=True)

    distiller: ExampleMeta = Field(default_factory=ExampleMeta)

    @property
    def users(self) -> dict[str, Any]:
        """The part that is not ours."""
        return dict(self.model_extra or {})


class FileRecord(BaseModel):
    """One record of a layout; keys that it does not know are kept in `_meta`."""

    model_config = ConfigDict(extra="allow", strict=True)

    meta: Meta = Field(default_factory=Meta, alias="_meta")

    def users_meta(self) -> dict[str, Any]:
        """Unknown keys of the record, and the user's keys of `_meta`, which win."""
        return {**(self.model_extra or {}), **self.meta.users}


def own_meta(example: Example, **passages: Any) -> dict[str, Any]:
    """`_meta` of an example: the user's keys, and ours under `distiller`."""
    own = example.model_dump(
        include={
            "query_id",
            "type",
            "complexity",
            "answer_type",
            "key_concepts",
            "cluster",
            "split",
            "weight",
        }
    )
    return {**example.meta, OWN_KEY: {**own, **passages}}


def with_background(
    records: Iterable[dict[str, Any]], background: Sequence[UnlabelledPassage]
) -> Iterator[dict[str, Any]]:
    """The records, the first of them with the background in its `_meta`."""
    for at, record in enumerate(records):
        if at == 0 and background:
            own = record["_meta"][OWN_KEY]
            own["background"] = [passage.model_dump() for passage in background]
        yield record


def passage_meta(passage: LabelledPassage, *, drop: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What `_meta` keeps of a passage; `drop` names what the layout itself says."""
    return passage.model_dump(exclude={"text", *drop})


def labelled(text: str, relevant: bool, meta: PassageMeta | None, **said: Any) -> LabelledPassage:
    """A passage as the layout and its meta describe it. `said` is what the layout itself says."""
    meta = meta or PassageMeta()
    agrees = meta.grade is not None and (meta.grade >= POSITIVE_GRADE) == relevant
    plain = RELEVANT_GRADE if relevant else 0
    return LabelledPassage(
        passage_id=meta.passage_id or passage_id_of(text, meta.title),
        text=text,
        title=meta.title,
        # A label changed by hand in the file counts more than the grade that we kept beside it.
        grade=meta.grade if agrees and meta.grade is not None else plain,
        explanation=said.get("explanation", meta.explanation),
        strategy=said.get("strategy") or meta.strategy or Strategy.IMPORTED.value,
        score=meta.score,
        decided_by=meta.decided_by if agrees else "",
    )


class ExampleBuilder:
    """Collects examples from records; records of the same query become one example."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._examples: dict[str, Example] = {}
        self._sides: dict[str, dict[str, bool]] = {}
        self._background: dict[str, UnlabelledPassage] = {}

    def add(
        self,
        line: int,
        query: str,
        passages: list[tuple[bool, LabelledPassage]],
        meta: ExampleMeta,
        users: Mapping[str, Any],
    ) -> None:
        """Add one record's passages, each with whether it is relevant.

        Raises:
            InvalidFile: the query's identifier belongs to another query, or a passage stands as
                relevant and as not relevant for the same query.
        """
        for one in meta.background:
            passage_id = one.passage_id or passage_id_of(one.text, one.title)
            other = UnlabelledPassage(passage_id=passage_id, text=one.text, title=one.title)
            self._background.setdefault(passage_id, other)
        query_id = meta.query_id or query_id_of(query)
        example = self._examples.get(query_id)
        if example is None:
            known = meta.model_dump(exclude=NOT_OF_EXAMPLE)
            example = Example(query_id=query_id, query=query, meta=dict(users), **known)
            self._examples[query_id] = example
            self._sides[query_id] = {}
        elif example.query != query:
            problem = f"identifier {query_id!r} belongs to another query as well"
            raise InvalidFile(self._path, problem, line=line, field="_meta.distiller.query_id")
        sides = self._sides[query_id]
        for relevant, passage in passages:
            side = sides.get(passage.passage_id)
            if side is None:
                (example.positives if relevant else example.negatives).append(passage)
                sides[passage.passage_id] = relevant
            elif side != relevant:
                problem = f"a passage is both relevant and not relevant for {query[:60]!r}"
                raise InvalidFile(self._path, problem, line=line)

    def examples(self) -> list[Example]:
        """All examples in the order in which the file begins them."""
        return list(self._examples.values())

    def contents(self) -> Contents:
        """All examples, and what they are ranked among besides."""
        return Contents(self.examples(), list(self._background.values()))


def zip_meta(
    count: int, metas: Sequence[M] | None, path: Path, line: int, field: str
) -> list[M | None]:
    """One meta for each of so many things of a record.

    Raises:
        InvalidFile: there is meta, but not as many as things.
    """
    if metas is None:
        return [None] * count
    if len(metas) != count:
        field = f"_meta.{OWN_KEY}.{field}"
        problem = f"describes {len(metas)}, there are {count}; remove the field"
        raise InvalidFile(path, problem, line=line, field=field)
    return list(metas)

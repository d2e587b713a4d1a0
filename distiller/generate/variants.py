"""Other queries that sound like a given one but need another answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distiller.generate import answers
from distiller.generate.records import firmly
from distiller.generate.stage import Stage, Try
from distiller.generate.wording import MIN_STEMS, clean, parrots
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.strategies import strategies
from distiller.quality.form import joined
from distiller.quality.languages import in_language
from distiller.quality.texts import similarity, stems, words
from distiller.schema.errors import InvalidCompletion
from distiller.schema.examples import Query, Strategy
from distiller.schema.usage import Prompt

SAME = 0.9
"""Jaccard similarity of stems from which an altered query counts as the query itself."""
SIBLING = 0.5
"""Another query of the project that is less like it can stand in for an altered one."""


@dataclass(frozen=True)
class Wanted:
    """A hard negative to be made: by which strategy, and the how-manieth of it."""

    strategy: Strategy
    number: int


class Variants:
    """Alters queries."""

    def __init__(self, stage: Stage, queries: Sequence[Query]) -> None:
        self.stage = stage
        self.domain = stage.project.domain
        self.language = language(self.domain.language).name
        self.stems = [(query, stems(query.query, self.domain.language)) for query in queries]

    def prompt(self, query: Query, wanted: Sequence[Wanted]) -> Prompt:
        """What asks for the altered queries."""
        packed = strategies()
        return prompts.render(
            "passages.variants",
            domain=self.domain,
            language=self.language,
            strategies=packed,
            query=query.query,
            kinds=[packed.variation(one.strategy, one.number).kind for one in wanted],
        )

    async def of(
        self, query: Query, wanted: list[Wanted], attempt: Try, *, salt: str = ""
    ) -> dict[Wanted, str]:
        """An altered query for each that is wanted.

        Where the model only rewords the query, a standard negative answers another query of the
        project instead; a contrastive one is asked for again, and then left out. Another `salt`
        brings other queries for the same wishes.

        Raises:
            InvalidCompletion: no other query could be had.
        """
        found: dict[Wanted, str] = {}
        raw = ""
        for again in range(2):
            open_ = [one for one in wanted if one not in found]
            if not open_:
                break
            prompt = firmly(self.prompt(query, open_), self.language, attempt)
            answer = await self.stage.client.structured(
                prompt,
                answers.counted(answers.OtherQueries, queries=len(open_)),
                stage="passages",
                max_tokens=110 * len(open_) + 60,
                seed=self.stage.seed(f"{query.id}/others{salt}", attempt.number * 10 + again),
                at_least=len(open_),
            )
            raw = answer.value.model_dump_json()
            examples = prompt.system.splitlines()
            for one, other in zip(open_, answer.value.queries, strict=False):
                text = clean(other.query)
                if self._differs(text, query, found) and not parrots(
                    text, examples, self.domain.language
                ):
                    found[one] = text
        for one in wanted:
            if one not in found and one.strategy is Strategy.STANDARD:
                sibling = self._sibling(query, found)
                if sibling:
                    found[one] = sibling
        if not found:
            raise InvalidCompletion("the model only rewords the query", completion=raw)
        return found

    def _differs(self, text: str, query: Query, found: dict[Wanted, str]) -> bool:
        if len(words(text)) < 2 or joined(text) or not in_language(text, self.domain.language):
            return False
        parts, own = (stems(t, self.domain.language) for t in (text, query.query))
        if len(own) >= MIN_STEMS and own <= parts:
            return False  # it asks the query too, and something besides
        rivals = [query.query, *found.values()]
        return all(similarity(parts, stems(r, self.domain.language)) < SAME for r in rivals)

    def _sibling(self, query: Query, found: dict[Wanted, str]) -> str:
        """The query of the project that is most like this one and yet another."""
        own = stems(query.query, self.domain.language)
        likely = [
            (similarity(own, parts), other.query)
            for other, parts in self.stems
            if other.id != query.id and other.query not in found.values()
        ]
        return max((pair for pair in likely if pair[0] < SIBLING), default=(0.0, ""))[1]

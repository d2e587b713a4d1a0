"""Values of pydantic models: the ladder of modes, the rest of what was cut off, one repair."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from distiller.llm import parsing
from distiller.llm.dialect import Dialect, Messages, Mode, messages_for, structure
from distiller.llm.exchange import Answer, Exchange, Request
from distiller.llm.outcomes import FILTERED, completion_error
from distiller.llm.reply import Reply, RequestRejected
from distiller.schema.errors import EmptyCompletion, InvalidCompletion
from distiller.schema.usage import LedgerEntry, Outcome, Prompt, Usage

T = TypeVar("T", bound=BaseModel)

MAX_ROUNDS = 12
MAX_GROWTH = 4
"""How many times the tokens asked for at first an answer without any complete item may get."""


@dataclass(frozen=True)
class Structured(Generic[T]):
    """A value from a model."""

    value: T
    request_hash: str
    usage: Usage
    """What this call paid, all its requests together: nothing where the ledger had the answers."""
    model: str


@dataclass(frozen=True)
class Question(Generic[T]):
    """What `Client.structured` was asked for."""

    prompt: Prompt
    schema: type[T]
    stage: str
    max_tokens: int
    temperature: float
    seed: int | None
    at_least: int | None


async def ask(exchange: Exchange, question: Question[T]) -> Structured[T]:
    """The value, in the mode that is known to work, or else in the first that does."""
    await exchange.open()
    mode = exchange.dialect.structured
    if mode is None:
        async with exchange.negotiation:
            mode = exchange.dialect.structured
            if mode is None:
                return await _negotiate(exchange, question)
    try:
        return await Conversation(exchange, question, mode).run()
    except RequestRejected as rejection:
        if rejection.too_long:
            raise
        if exchange.dialect.structured is not mode:
            return await ask(exchange, question)
        exchange.learn(exchange.dialect.model_copy(update={"structured": None}))
        return await _negotiate(exchange, question)


async def _negotiate(exchange: Exchange, question: Question[T]) -> Structured[T]:
    """Try the modes, best first, until one brings a value; only that is remembered."""
    usage = Usage()
    for mode in Mode:
        last = mode is Mode.PROMPT
        conversation = Conversation(exchange, question, mode, repairs=1 if last else 0)
        try:
            result = await conversation.run()
        except (RequestRejected, InvalidCompletion, EmptyCompletion) as error:
            if last or (isinstance(error, RequestRejected) and error.too_long):
                raise
            usage = usage + conversation.usage
            continue
        exchange.learn(exchange.dialect.model_copy(update={"structured": mode}))
        return Structured(result.value, result.request_hash, usage + result.usage, result.model)
    raise AssertionError("unreachable: the last mode returns or raises")


@dataclass
class Conversation(Generic[T]):
    """One question in one mode, with as many requests as it takes."""

    exchange: Exchange
    question: Question[T]
    mode: Mode
    repairs: int = 1
    usage: Usage = field(default_factory=Usage)
    _data: parsing.Data = field(default_factory=dict)
    """What is kept so far."""
    _messages: Messages = field(default_factory=list)
    _max_tokens: int = 0

    async def run(self) -> Structured[T]:
        self._messages = self._opening()
        self._max_tokens = self.question.max_tokens
        answer = await self._ask()
        first = answer.entry
        for _ in range(MAX_ROUNDS - 1):
            if self._take(answer.entry):
                break
            answer = await self._ask()
        else:
            self._take(answer.entry)
        return await self._result(first, answer)

    async def _ask(self) -> Answer:
        answer = await self.exchange.ask(self._request)
        self.usage = self.usage + answer.usage
        return answer

    def _take(self, entry: LedgerEntry) -> bool:
        """Keep what an answer brings; whether the question is answered.

        Raises:
            CompletionError: It is of no use, and nothing more can be asked.
        """
        kept = parsing.items(self._data)
        if entry.outcome is Outcome.OK:
            self._data = parsing.merge(self._data, self._read(entry.completion))
            if self._enough() or parsing.items(self._data) == kept:
                return True
            self._ask_for_the_rest()
        elif entry.outcome is Outcome.LENGTH:
            more = parsing.merge(self._data, parsing.salvage(entry.completion) or {})
            if parsing.items(more) > kept and self._continuable(more):
                self._data = more
                if self.question.at_least is not None and self._enough() and self._valid():
                    return True
                self._ask_for_the_rest()
            elif self._max_tokens < MAX_GROWTH * self.question.max_tokens:
                self._max_tokens *= 2
            elif kept and self._valid():
                return True  # what was cut off stays cut off; the items before it are kept
            else:
                raise completion_error(entry)
        elif entry.outcome is Outcome.INVALID and self.repairs:
            self.repairs -= 1
            self._ask_for_repair(entry)
        elif kept and self._valid():
            return True
        else:
            raise completion_error(entry, self._problem_with(entry.completion))
        return False

    def _enough(self) -> bool:
        wanted = self.question.at_least
        return wanted is None or parsing.items(self._data) >= wanted

    def _valid(self) -> bool:
        try:
            self._value(self._data)
        except ValidationError:
            return False
        return True

    def _continuable(self, data: parsing.Data) -> bool:
        """Whether nothing but list items is missing; a cut-off lone object is asked for anew."""
        try:
            self._value(data)
        except ValidationError as error:
            return all(problem["type"] == "too_short" for problem in error.errors())
        return True

    def _value(self, data: parsing.Data) -> T:
        """The data as the model; lists that no answer reached are empty."""
        return self.question.schema.model_validate({**self._empty_lists(), **data})

    def _empty_lists(self) -> parsing.Data:
        properties = self.question.schema.model_json_schema().get("properties", {})
        return {name: [] for name, kind in properties.items() if kind.get("type") == "array"}

    def _read(self, text: str) -> parsing.Data:
        data = parsing.parse(text)
        if not isinstance(data, dict):
            data = {self._only_list(): data}
        return data

    def _only_list(self) -> str:
        """Models like to leave out the outer object around a lone list."""
        names = list(self._empty_lists())
        if len(names) != 1:
            raise ValueError("not a JSON object")
        return names[0]

    def _classify(self, reply: Reply) -> Outcome:
        if reply.refusal or reply.finish_reason == FILTERED:
            return Outcome.REFUSAL
        if reply.problem:
            return Outcome.INVALID
        cut_off = reply.finish_reason == "length"
        if not reply.text.strip():
            return Outcome.LENGTH if cut_off else Outcome.EMPTY
        if not self._problem_with(reply.text):
            return Outcome.OK
        if cut_off:
            return Outcome.LENGTH
        declined = parsing.looks_like_refusal(reply.text)
        return Outcome.REFUSAL if declined else Outcome.INVALID

    def _problem_with(self, text: str) -> str:
        """Why a completion cannot be used; empty where it can."""
        try:
            data = self._read(text)
            if self._data:  # a rest need not be whole by itself
                self._value(parsing.merge(self._data, data))
            else:
                self.question.schema.model_validate(data)
        except ValueError as error:
            return _summary(error)
        return ""

    def _request(self, dialect: Dialect) -> Request:
        question = self.question
        body = dialect.body(
            self.exchange.model,
            self._messages,
            max_tokens=self._max_tokens,
            temperature=question.temperature,
            seed=question.seed,
        )
        body |= structure(self.mode, question.schema, lengths=dialect.string_lengths)
        return Request(
            body,
            question.prompt,
            question.stage,
            self._classify,
            question.seed,
            max_tokens=self._max_tokens,
        )

    def _opening(self) -> Messages:
        prompt = self.question.prompt
        return messages_for(self.mode, prompt.system, prompt.user, self.question.schema)

    def _ask_for_the_rest(self) -> None:
        self._max_tokens = self.question.max_tokens
        wanted, have = self.question.at_least, parsing.items(self._data)
        missing = f" ({wanted - have} more are wanted)" if wanted and wanted > have else ""
        self._messages = [
            *self._opening(),
            {"role": "assistant", "content": json.dumps(self._data, ensure_ascii=False)},
            {
                "role": "user",
                "content": f"These {have} items are kept. Continue in the same structure with the "
                f"items that are still missing{missing}. Do not repeat any of the items above.",
            },
        ]

    def _ask_for_repair(self, entry: LedgerEntry) -> None:
        problem = entry.error or self._problem_with(entry.completion)
        self._messages = [
            *self._messages,
            {"role": "assistant", "content": entry.completion},
            {
                "role": "user",
                "content": f"This cannot be used: {problem}. Give the whole answer again, as "
                "one JSON object of the structure asked for and nothing else.",
            },
        ]

    async def _result(self, first: LedgerEntry, last: Answer) -> Structured[T]:
        try:
            value = self._value(self._data)
        except ValidationError as error:
            unfit = last.entry.model_copy(update={"outcome": Outcome.INVALID})
            raise completion_error(unfit, _summary(error)) from error
        if first.outcome is not Outcome.OK:
            await self.exchange.conclude(first, value.model_dump_json(), "merged")
        return Structured(value, first.request_hash, self.usage, first.model)


def _summary(error: Exception) -> str:
    """What does not fit, in a line that a model can act on."""
    if not isinstance(error, ValidationError):
        return str(error)
    problems = error.errors(include_url=False)[:3]
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'answer'}: {problem['msg']}"
        for problem in problems
    )

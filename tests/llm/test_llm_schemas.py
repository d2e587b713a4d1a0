from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from distiller.llm.schemas import instruction, schema_name, strict_schema


class Inner(BaseModel):
    title: str = Field(max_length=20)
    default: int = 3


class Outer(BaseModel):
    inner: list[Inner] = Field(min_length=1)
    kind: Literal["a", "b"] = "a"
    note: str | None = None


def objects(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for child in node for found in objects(child)]
    if not isinstance(node, dict):
        return []
    own = [node] if "properties" in node else []
    return own + [found for child in node.values() for found in objects(child)]


def test_every_object_is_closed_and_requires_all_its_properties() -> None:
    found = objects(strict_schema(Outer))
    required = {frozenset(each["required"]) for each in found}
    assert required == {frozenset({"title", "default"}), frozenset({"inner", "kind", "note"})}
    assert all(each["additionalProperties"] is False for each in found)


def test_keywords_that_strict_mode_refuses_go_but_properties_of_that_name_stay() -> None:
    inner = strict_schema(Outer)["$defs"]["Inner"]
    assert inner["properties"] == {"title": {"type": "string"}, "default": {"type": "integer"}}


def test_lengths_stay_for_engines_that_obey_them() -> None:
    inner = strict_schema(Outer, keep_lengths=True)["$defs"]["Inner"]
    assert inner["properties"]["title"] == {"type": "string", "maxLength": 20}


def test_names_are_what_endpoints_accept() -> None:
    generic = type("Items[Query]" + "x" * 80, (BaseModel,), {})
    assert schema_name(generic) == ("Items_Query_" + "x" * 80)[:64]


def test_the_schema_can_be_said_in_words() -> None:
    assert '"maxLength": 20' in instruction(Outer)

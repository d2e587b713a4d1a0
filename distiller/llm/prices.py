"""What tokens cost."""

from __future__ import annotations

import datetime
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError

from distiller.schema.base import Record
from distiller.schema.errors import InvalidFile
from distiller.schema.usage import Usage

MILLION = 1_000_000
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Price(Record):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    """Of prompt tokens that the endpoint read from its cache; None: as `input`."""
    output: float = Field(ge=0)

    def cost(self, usage: Usage) -> float:
        """US dollars for the tokens of a usage."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.prompt_tokens - usage.cached_tokens
        return (
            fresh * self.input
            + usage.cached_tokens * cached
            + usage.completion_tokens * self.output
        ) / MILLION


FREE = Price(input=0.0, output=0.0)


class PriceTable(Record):
    """Prices by host of the endpoint (`*` for any) and model."""

    as_of: datetime.date | None = None
    prices: dict[str, dict[str, Price]]

    def find(self, endpoint: str, model: str) -> Price | None:
        """The model's price at that endpoint; None means unknown, which is not free."""
        host = urlsplit(endpoint).hostname or endpoint
        for name in (model, _SNAPSHOT.sub("", model)):
            for place in (host, "*"):
                if price := self.prices.get(place, {}).get(name):
                    return price
        return None


def price_table(override: Path | None = None) -> PriceTable:
    """The built-in table, with what the user's file says instead.

    Raises:
        InvalidFile: The user's file cannot be read as prices.
    """
    table = PriceTable.model_validate(
        yaml.safe_load(files("distiller.llm").joinpath("prices.yaml").read_text("utf-8"))
    )
    if override is None:
        return table
    for host, models in _read(override).prices.items():
        table.prices[host] = {**table.prices.get(host, {}), **models}
    return table


def _read(path: Path) -> PriceTable:
    try:
        return PriceTable.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(path, f"cannot be read ({error}); give a UTF-8 YAML file") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InvalidFile(path, f"not YAML: {error.problem}", line=line) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        hint = "write `prices: {host: {model: {input: 1.0, output: 2.0}}}`"
        raise InvalidFile(path, f"{first['msg']}; {hint}", field=field or None) from error

"""One client for every language model: structured completions, ledger, budget, embedded server."""

from distiller.llm.check import EndpointCheck, check
from distiller.llm.client import Client
from distiller.llm.connect import connect, price_of
from distiller.llm.forecasts import Planned, Rate, estimate_tokens, forecast
from distiller.llm.prices import Price, PriceTable, price_table
from distiller.llm.structured import Structured
from distiller.llm.text import Completion

__all__ = [
    "Client",
    "Completion",
    "EndpointCheck",
    "Planned",
    "Price",
    "PriceTable",
    "Rate",
    "Structured",
    "check",
    "connect",
    "estimate_tokens",
    "forecast",
    "price_of",
    "price_table",
]

"""What the ledger, limits and structure cost: our client against the bare openai client.

A stub endpoint in its own process answers every chat completion after 200 ms; both clients
keep 200 requests under way. Ours writes each completion durably to SQLite before it hands it
out. Prints completions per second as medians over interleaved rounds, and the ratio.

    python benchmarks/client_overhead.py [--rounds 5] [--completions 2000] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2
import openai

from distiller.llm import connect
from distiller.schema.usage import Prompt
from distiller.settings import Settings
from distiller.store import Store

LATENCY_S = 0.2
CONCURRENCY = 200
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 0,
    "model": "stub",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {
                "role": "assistant",
                "content": "A landlord must return the deposit. " * 10,
            },
        }
    ],
    "usage": {"prompt_tokens": 300, "completion_tokens": 80, "total_tokens": 380},
}
SYSTEM = "You write passages for a search engine about residential tenancy law. " * 10


def serve(ready: Connection) -> None:
    """Answer every request after the latency, in a process of its own."""
    body = json.dumps(COMPLETION).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    class Stub(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport, self.received = transport, b""

        def data_received(self, data: bytes) -> None:
            self.received += data
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            headers = self.received[:end].lower()
            length = int(headers.split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(self.received) >= end + 4 + length:
                self.received = b""
                reply = head.encode() + body
                asyncio.get_running_loop().call_later(LATENCY_S, self.transport.write, reply)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Stub, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def bare(url: str, completions: int, first: int) -> float:
    """Completions per second of the openai client, as its documentation shows it."""
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with openai.AsyncOpenAI(
        base_url=url, api_key="none", http_client=openai.DefaultAsyncHttpxClient(limits=limits)
    ) as client:
        slots = asyncio.Semaphore(CONCURRENCY)

        async def ask(number: int) -> str | None:
            async with slots:
                found = await client.chat.completions.create(
                    model="stub",
                    messages=[
                        {"role": "system", "content": SYSTEM},
                        {"role": "user", "content": f"Write passage {number}."},
                    ],
                    max_tokens=1024,
                    temperature=0.7,
                )
            return found.choices[0].message.content

        started = time.perf_counter()
        await asyncio.gather(*(ask(number) for number in range(first, first + completions)))
        return completions / (time.perf_counter() - started)


async def ours(settings: Settings, completions: int, first: int) -> float:
    """Completions per second of our client, with the ledger on."""
    with Store.open(settings.database) as store:
        async with connect(settings, store.ledger) as client:

            async def ask(number: int) -> str:
                user = f"Write passage {number}."
                prompt = Prompt(name="passages.positive", version=1, system=SYSTEM, user=user)
                return (await client.complete(prompt, stage="passages")).text

            started = time.perf_counter()
            await asyncio.gather(*(ask(number) for number in range(first, first + completions)))
            rate = completions / (time.perf_counter() - started)
        recorded = store.ledger.spent().completions
        assert recorded == first + completions, (recorded, first, completions)
    return rate


def measure(url: str, rounds: int, completions: int) -> dict[str, object]:
    """Rates of both clients, round about, the first round of each being the warm-up."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            llm_url=url,
            llm_model="stub",
            workspace=Path(folder),
            cache_dir=Path(folder),
            llm_concurrency=CONCURRENCY,
        )
        for number in range(rounds + 1):
            first = number * completions
            rates["ours"].append(asyncio.run(ours(settings, completions, first)))
            rates["bare"].append(asyncio.run(bare(url, completions, first)))
    medians = {name: statistics.median(values[1:]) for name, values in rates.items()}
    return {
        "ours_per_s": medians["ours"],
        "bare_per_s": medians["bare"],
        "ratio": medians["ours"] / medians["bare"],
        "rounds": rounds,
        "completions": completions,
        "rates": {name: values[1:] for name, values in rates.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--completions", type=int, default=2000, help="per round and client")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("distiller").setLevel(logging.ERROR)  # the stub has no price
    ready, child = multiprocessing.Pipe()
    stub = multiprocessing.get_context("spawn").Process(target=serve, args=(child,), daemon=True)
    stub.start()
    try:
        url = f"http://127.0.0.1:{ready.recv()}/v1"
        found = measure(url, arguments.rounds, arguments.completions)
    finally:
        stub.terminate()
        stub.join()
    if arguments.json:
        print(json.dumps(found))
        return
    print(
        f"{CONCURRENCY} requests under way, {LATENCY_S * 1000:.0f} ms latency, medians of {arguments.rounds}:"
    )
    print(f"  ours, ledger on     {found['ours_per_s']:7.0f} completions/s")
    print(f"  bare openai client  {found['bare_per_s']:7.0f} completions/s")
    print(f"  ratio               {found['ratio']:7.2f}")


if __name__ == "__main__":
    main()

"""What the ledger, limits and structure cost: our client against the bare openai client.

A stub endpoint in its own process answers every chat completion after 200 ms; both clients
keep 200 requests under way. Ours writes each completion durably to SQLite before it hands it
out. Prints completions per second and processor time per completion, as medians over
interleaved rounds, and the ratio of the rates. The processor time says what an otherwise idle
core could do: on a machine that has other work, trust it rather than the rate.

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
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Round:
    """What one round took, in seconds."""

    wall: float
    processor: float


class Watch:
    """Wall and processor time from its creation on."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def round(self) -> Round:
        return Round(time.perf_counter() - self._wall, time.process_time() - self._processor)


async def bare(url: str, completions: int, first: int) -> Round:
    """The openai client, as its documentation shows it."""
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

        watch = Watch()
        await asyncio.gather(*(ask(number) for number in range(first, first + completions)))
        return watch.round()


async def ours(settings: Settings, completions: int, first: int) -> Round:
    """Our client, with the ledger on."""
    with Store.open(settings.database) as store:
        async with connect(settings, store.ledger) as client:

            async def ask(number: int) -> str:
                user = f"Write passage {number}."
                prompt = Prompt(name="passages.positive", version=1, system=SYSTEM, user=user)
                return (await client.complete(prompt, stage="passages")).text

            watch = Watch()
            await asyncio.gather(*(ask(number) for number in range(first, first + completions)))
            took = watch.round()
        recorded = store.ledger.spent().completions
        assert recorded == first + completions, (recorded, first, completions)
    return took


def measure(url: str, rounds: int, completions: int) -> dict[str, float]:
    """Medians of both clients, round about, the first round of each being the warm-up."""
    took: dict[str, list[Round]] = {"ours": [], "bare": []}
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
            took["ours"].append(asyncio.run(ours(settings, completions, first)))
            took["bare"].append(asyncio.run(bare(url, completions, first)))
    found: dict[str, float] = {"rounds": rounds, "completions": completions}
    for name, measured in took.items():
        wall = statistics.median(each.wall for each in measured[1:])
        processor = statistics.median(each.processor for each in measured[1:])
        found[f"{name}_per_s"] = completions / wall
        found[f"{name}_cpu_ms"] = processor / completions * 1000
    return found | {"ratio": found["ours_per_s"] / found["bare_per_s"]}


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
    print(f"{CONCURRENCY} requests under way, {LATENCY_S * 1000:.0f} ms latency:")
    for name, title in (("ours", "ours, ledger on"), ("bare", "bare openai client")):
        rate, processor = found[f"{name}_per_s"], found[f"{name}_cpu_ms"]
        print(f"  {title:<20}{rate:6.0f} completions/s {processor:6.2f} ms of processor time each")
    print(f"  {'ratio':<20}{found['ratio']:6.2f}")


if __name__ == "__main__":
    main()

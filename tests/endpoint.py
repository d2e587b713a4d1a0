"""A real HTTP server that speaks the chat completions protocol, and misbehaves as told.

```python
with ScriptedEndpoint([status(500), text("hello")]) as endpoint:
    settings = Settings(llm_url=endpoint.url, llm_model="scripted")
```
Replies are given in order; the last one is repeated. A reply may be a function of the
request's body, so that a test can answer by what it was asked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Scripted:
    """One reply."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hang: bool = False
    """Accept the request and never answer."""
    drop_after: int | None = None
    """Close the connection after so many bytes of the content."""


Script = Scripted | Callable[[Body], "Scripted"]


def message(
    content: str | None,
    *,
    finish: str = "stop",
    prompt_tokens: int | None = 10,
    completion_tokens: int = 5,
    cached_tokens: int = 0,
    logprobs: list[dict[str, Any]] | None = None,
    **fields: Any,
) -> Scripted:
    """A chat completion; further fields stand in its message. `prompt_tokens=None`: not counted."""
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": content, **fields},
    }
    if logprobs is not None:
        choice["logprobs"] = {"content": logprobs}
    reply: dict[str, Any] = {"id": "c", "object": "chat.completion", "choices": [choice]}
    if prompt_tokens is not None:
        reply["usage"] = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "prompt_tokens_details": {"cached_tokens": cached_tokens},
        }
    return Scripted(json.dumps(reply).encode())


def text(content: str, **options: Any) -> Scripted:
    """A completion in words."""
    return message(content, **options)


def data(value: Any, **options: Any) -> Scripted:
    """A completion in JSON."""
    return message(json.dumps(value), **options)


def cut_off(content: str, **options: Any) -> Scripted:
    """A completion that reached its token limit."""
    return message(content, finish="length", **options)


def refusal(words: str = "I cannot help with that.") -> Scripted:
    return message(None, refusal=words)


def tool_call(value: Any, **options: Any) -> Scripted:
    """A completion that calls the tool it was given."""
    call = {
        "id": "t",
        "type": "function",
        "function": {"name": "f", "arguments": json.dumps(value)},
    }
    return message(None, tool_calls=[call], finish="tool_calls", **options)


def yes_no(yes: float, no: float) -> Scripted:
    """A first token with those log-probabilities."""
    top = [{"token": "Yes", "logprob": yes}, {"token": "No", "logprob": no}]
    best = max(top, key=lambda token: float(str(token["logprob"])))
    return message(str(best["token"]), finish="length", logprobs=[{**best, "top_logprobs": top}])


def status(code: int, words: str = "", **headers: str) -> Scripted:
    """An HTTP error; `Retry_After="1"` becomes the header `Retry-After: 1`."""
    content = json.dumps({"error": {"message": words or f"scripted {code}"}}).encode()
    return Scripted(
        content, code, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def hang() -> Scripted:
    return Scripted(hang=True)


def slow(reply: Scripted, seconds: float) -> Scripted:
    return replace(reply, delay_s=seconds)


def dropped(reply: Scripted) -> Scripted:
    """The connection closes in the middle of the body."""
    return replace(reply, drop_after=len(reply.content) // 2)


class ScriptedEndpoint:
    """Serves on 127.0.0.1, on a port of its own. A context manager.

    Args:
        script: Replies in order, the last one repeated.
        refuses: Fields of a body that are answered by 400, such as `json_schema`, `tools`,
            `json_object`, `logprobs`, `temperature`, `max_tokens`; the script does not advance.
        models: What `GET /models` lists; None makes it a 404.
    """

    def __init__(
        self,
        script: Sequence[Script] | Script,
        *,
        refuses: Collection[str] = (),
        models: Sequence[str] | None = ("scripted",),
    ) -> None:
        self.script = list(script) if isinstance(script, Sequence) else [script]
        self.refuses = set(refuses)
        self.models = models
        self.requests: list[Body] = []
        """Bodies received, refused ones included."""
        self.keys: list[str] = []
        """Authorization headers received."""
        self.most_at_once = 0
        self._answered = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def __enter__(self) -> ScriptedEndpoint:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(endpoint._reply(body, self.headers.get("Authorization", "")))

            def do_GET(self) -> None:
                listed = {"data": [{"id": name} for name in endpoint.models or ()]}
                missing = endpoint.models is None
                self._send(status(404) if missing else Scripted(json.dumps(listed).encode()))

            def _send(self, reply: Scripted) -> None:
                if reply.hang:
                    endpoint._closing.wait()
                    self.close_connection = True
                    return
                endpoint._closing.wait(reply.delay_s)
                with endpoint._lock:
                    endpoint._at_once -= self.command == "POST"
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply.content)))
                self.end_headers()
                self.wfile.write(reply.content[: reply.drop_after])
                self.close_connection = reply.drop_after is not None

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Clients that hang up are part of the script."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, body: Body, key: str) -> Scripted:
        with self._lock:
            self.requests.append(body)
            self.keys.append(key)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            refused = self._refused(body)
            if refused:
                return refused
            script = self.script[min(self._answered, len(self.script) - 1)]
            self._answered += 1
        return script if isinstance(script, Scripted) else script(body)

    def _refused(self, body: Body) -> Scripted | None:
        asked = {*body, (body.get("response_format") or {}).get("type", "")}
        for name in sorted(self.refuses & asked):
            hint = "; use 'max_completion_tokens' instead" if name == "max_tokens" else ""
            return status(400, f"Unsupported parameter: '{name}'{hint}")
        return None


def asked(body: Body) -> str:
    """The last message of a request."""
    return str(body["messages"][-1]["content"])

"""HTTP connections in many small pools.

Before each request, httpx's connection pool looks at all of its connections in turn; with 200
of them that costs more than everything else a request needs. In small pools the look is short.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import urllib.request

import httpx2

POOL_SIZE = 8


class ManyPools(httpx2.AsyncBaseTransport):
    """Requests go to the pools in turn. Whoever sends bounds how many are under way.

    Args:
        connections: How many requests are expected to be under way at once.
    """

    def __init__(self, connections: int) -> None:
        context = httpx2.create_ssl_context()
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=2 * POOL_SIZE)
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=context, limits=limits)
            for _ in range(math.ceil(connections / POOL_SIZE))
        ]
        self._turn = itertools.cycle(self._pools)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await next(self._turn).handle_async_request(request)

    async def aclose(self) -> None:
        await asyncio.gather(*(pool.aclose() for pool in self._pools))


def transport_for(connections: int) -> httpx2.AsyncBaseTransport | None:
    """Many pools, or None (httpx's own choice) where a proxy is set or one pool is enough."""
    if connections <= POOL_SIZE or urllib.request.getproxies():
        return None
    return ManyPools(connections)

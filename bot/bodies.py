"""What comes over the network in pieces, and may be without end."""

from __future__ import annotations

from collections.abc import AsyncIterable


class BodyTooLarge(Exception):
    """More bytes than are taken."""


async def read_up_to(most: int, pieces: AsyncIterable[bytes]) -> bytes:
    """The pieces put together. Raises BodyTooLarge as soon as they are more than `most` bytes: the rest is not read."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most:
            raise BodyTooLarge
    return bytes(body)

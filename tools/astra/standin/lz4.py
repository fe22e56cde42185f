"""LZ4 blocks, decoded as far as one wants to read. What we send ourselves is never compressed, so nothing encodes."""

from __future__ import annotations

MATCH_MIN = 4
LENGTH_GOES_ON = 15


def decompress(block: bytes, limit: int) -> bytes:
    """The first `limit` bytes of what the block holds, or all of it; a damaged block gives ValueError."""
    out = bytearray()
    at = 0
    try:
        while at < len(block) and len(out) < limit:
            token = block[at]
            length, at = _length(block, at + 1, token >> 4)
            out += block[at : at + length]
            at += length
            if at >= len(block):
                break  # the last sequence has literals only
            distance = block[at] | block[at + 1] << 8
            length, at = _length(block, at + 2, token & 15)
            _repeat(out, distance, length + MATCH_MIN)
    except IndexError:
        raise ValueError("a damaged LZ4 block") from None
    return bytes(out[:limit])


def _length(block: bytes, at: int, length: int) -> tuple[int, int]:
    """A length whose first four bits stood in the token, and where the next thing begins."""
    if length == LENGTH_GOES_ON:
        while True:
            more = block[at]
            length += more
            at += 1
            if more != 255:
                break
    return length, at


def _repeat(out: bytearray, distance: int, length: int) -> None:
    """Copy from what is there; a length beyond the distance repeats what it has just written."""
    if not 0 < distance <= len(out):
        raise ValueError("a damaged LZ4 block")
    piece = bytes(out[-distance:])
    out += (piece * (length // distance + 1))[:length]

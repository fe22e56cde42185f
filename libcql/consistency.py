"""Consistency levels (native protocol v5, section 3).

``execute()`` takes them from here or as names: ``consistency="LOCAL_QUORUM"``. A session over a
file has one copy of each row; it checks the level as Cassandra would, and every level is met.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Consistency(IntEnum):
    """How many replicas answer before a request counts as done."""

    ANY = 0x0000
    ONE = 0x0001
    TWO = 0x0002
    THREE = 0x0003
    QUORUM = 0x0004
    ALL = 0x0005
    LOCAL_QUORUM = 0x0006
    EACH_QUORUM = 0x0007
    SERIAL = 0x0008
    LOCAL_SERIAL = 0x0009
    LOCAL_ONE = 0x000A


ANY: Final = Consistency.ANY
ONE: Final = Consistency.ONE
TWO: Final = Consistency.TWO
THREE: Final = Consistency.THREE
QUORUM: Final = Consistency.QUORUM
ALL: Final = Consistency.ALL
LOCAL_QUORUM: Final = Consistency.LOCAL_QUORUM
EACH_QUORUM: Final = Consistency.EACH_QUORUM
SERIAL: Final = Consistency.SERIAL
LOCAL_SERIAL: Final = Consistency.LOCAL_SERIAL
LOCAL_ONE: Final = Consistency.LOCAL_ONE

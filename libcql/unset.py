"""UNSET: apart from the other types, because every session needs it before its first request."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it: the module itself would cost more than all of this one
if TYPE_CHECKING:
    from typing import Final


class UnsetType:
    """The type of UNSET, which has this one value."""

    _instance: UnsetType | None = None
    __slots__ = ()

    def __new__(cls) -> UnsetType:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "libcql.UNSET"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "UNSET"


#: A bind value that leaves its column as it is, where None would write a null (a tombstone).
UNSET: Final = UnsetType()

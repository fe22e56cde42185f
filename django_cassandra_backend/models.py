"""What a project imports to speak of keys, tables and CQL's own types in its models."""

from .fields import *  # noqa: F403 - the names are listed there
from .fields import __all__ as _fields
from .index_classes import SecondaryIndex, StorageAttachedIndex
from .nearest import Nearest

__all__ = [*_fields, "Nearest", "SecondaryIndex", "StorageAttachedIndex"]

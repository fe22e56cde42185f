"""What a project imports to speak of keys in its models."""

from .fields import PhysicalKey, PrimaryKey

__all__ = ["PhysicalKey", "PrimaryKey"]

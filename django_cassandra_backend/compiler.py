"""Compilers by the names that Django looks up: a query becomes a plan.

What the rows of one table cannot answer is refused by name."""

from .read_compiler import SQLAggregateCompiler, SQLCompiler
from .write_compiler import SQLDeleteCompiler, SQLInsertCompiler, SQLUpdateCompiler

__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]

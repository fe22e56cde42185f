"""The relational road: what CQL alone cannot answer, SQLite answers over the tables of the session.

`compiler` compiles a query with Django's own SQLite dialect, `dialect`, into a `plan`, which the outer connection's
cursor runs on a `database`: libcql's SQLite whose tables are those of the keyspace. Every join, subquery, group,
window and function of Django's is SQLite's; which rows it asks the session for, by which keys, is libcql's."""

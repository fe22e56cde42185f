"""ORDER BY … ANN OF finds what a comparison with every row finds, in bounded memory."""

import math
import random
from array import array

import pytest

import libcql

DIMENSION = 8
ROWS = 3000


def cosine(x, y):
    lengths = math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))
    return sum(a * b for a, b in zip(x, y, strict=True)) / lengths


def dot_product(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True))


def euclidean(x, y):
    return -sum((a - b) ** 2 for a, b in zip(x, y, strict=True))


@pytest.fixture
def table(session):
    session.execute(f"CREATE TABLE t (k int PRIMARY KEY, v vector<float, {DIMENSION}>)")
    return session


def vectors(seed, count):
    chance = random.Random(seed)
    return [array("f", [chance.uniform(-1, 1) for _ in range(DIMENSION)]) for _ in range(count)]


@pytest.mark.parametrize("measure", [cosine, dot_product, euclidean])
@pytest.mark.parametrize("limit", [1, 40, 1000])
def test_the_nearest_rows_come_first(table, measure, limit):
    name = measure.__name__
    table.execute(
        f"CREATE INDEX ON t (v) USING 'sai' WITH OPTIONS = {{'similarity_function': '{name}'}}"
    )
    rows = vectors(7, ROWS)
    table.execute_many("INSERT INTO t (k, v) VALUES (?, ?)", enumerate(rows))
    (wanted,) = vectors(8, 1)
    found = table.execute("SELECT k FROM t ORDER BY v ANN OF ? LIMIT ?", [wanted, limit]).all()
    scores = [measure(rows[k], wanted) for (k,) in found]
    expected = sorted((measure(v, wanted) for v in rows), reverse=True)[:limit]
    assert scores == pytest.approx(expected, abs=1e-6)


def test_a_page_smaller_than_the_limit_is_made_larger(table):
    table.execute("CREATE INDEX ON t (v) USING 'sai'")
    table.execute_many("INSERT INTO t (k, v) VALUES (?, ?)", enumerate(vectors(1, 50)))
    query = "SELECT k FROM t ORDER BY v ANN OF ? LIMIT 20"
    result = table.execute(query, vectors(2, 1), page_size=5)
    assert result.warnings == [
        "Top-K queries do not support paging and the page size is set to 5, which is less than "
        "LIMIT 20. The page size has been set to 20 to match the LIMIT."
    ]
    assert not result.has_more_pages
    assert len(result.all()) == 20


def test_a_vector_without_direction_is_refused(table):
    zeros = [0.0] * DIMENSION
    table.execute("INSERT INTO t (k, v) VALUES (1, ?)", [zeros])
    with pytest.raises(libcql.InvalidRequest, match="Zero and near-zero vectors"):
        table.execute("CREATE INDEX ON t (v) USING 'sai'")
    table.execute("DELETE FROM t WHERE k = 1")
    table.execute("CREATE INDEX ON t (v) USING 'sai'")
    with pytest.raises(libcql.InvalidRequest, match=r"Zero and near-zero vectors.* column v"):
        table.execute("INSERT INTO t (k, v) VALUES (1, ?)", [zeros])
    with pytest.raises(libcql.InvalidRequest, match="Zero and near-zero vectors"):
        table.execute("SELECT k FROM t ORDER BY v ANN OF ? LIMIT 1", [zeros])
    outcomes = table.execute_many(
        "INSERT INTO t (k, v) VALUES (?, ?)",
        [(1, [1.0] * 8), (2, zeros), (3, [1.0] * 8)],
        return_exceptions=True,
    )
    assert [type(o) for o in outcomes] == [type(None), libcql.InvalidRequest, type(None)]
    assert {k for (k,) in table.execute("SELECT k FROM t")} == {1, 3}

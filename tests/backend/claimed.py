"""What has to hold of unique values and their claims, read from the tables."""

import collections

from django.db import connection

from django_cassandra_backend.keys import table_key
from django_cassandra_backend.reads import column_list
from django_cassandra_backend.uniques import owner_columns, owner_names, uniques_of


class Stored:
    """The rows of a model and the claims of one of its constraints, by value.

    owners: {value: keys of the rows that hold it}.    claims: {value: key of the row that it is claimed for}"""

    def __init__(self, unique):
        key, quote = table_key(unique.model), connection.ops.quote_name
        columns = tuple(dict.fromkeys((*owner_columns(key), *unique.columns)))
        width = len(owner_columns(key))
        names = column_list(("value", *owner_names(key)), quote)
        self.owners = collections.defaultdict(list)
        with connection.cursor() as wrapper:
            cursor = wrapper.cursor
            rows = cursor.send(f"SELECT {column_list(columns, quote)} FROM {quote(key.table)}")
            for row in rows.all():
                value = unique.of(dict(zip(columns, row, strict=True)))
                if value is not None:
                    self.owners[value].append(tuple(row[:width]))
            found = cursor.send(f"SELECT {names} FROM {quote(unique.table)}").all()
        self.claims = {row[0]: tuple(row[1:]) for row in found}

    def problems(self) -> list[str]:
        """Values that two rows hold, and rows whose value is not claimed for them."""
        found = []
        for value, owners in self.owners.items():
            if len(owners) > 1:
                found.append(f"{value!r} is held by {owners}")
            if self.claims.get(value) not in owners:
                found.append(f"{value!r} of {owners} is claimed for {self.claims.get(value)}")
        return found

    def left_over(self) -> list:
        """Values that are claimed for rows which do not hold them."""
        return sorted(value for value, key in self.claims.items() if key not in self.owners[value])


def problems(*models) -> list[str]:
    return [
        text
        for model in models
        for one in uniques_of(model, connection)
        for text in Stored(one).problems()
    ]


def left_over(*models) -> list:
    return [
        value
        for model in models
        for one in uniques_of(model, connection)
        for value in Stored(one).left_over()
    ]

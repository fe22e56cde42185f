"""Three tables as one, in a process of its own: `join_worker.py DATABASE PORT` answers each line of its input with one of its output.

{"job": "fill"}   ->  {}
{"job": "join"}   ->  {"wall": …, "cpu": …, "waves": …}  each book with its author and the author's country
{"job": "group"}  ->  the same  how many books there are of each country, and their pages

Microseconds of a book; 10,000 books, each of an author of its own. `waves` is how often answers were waited for, where
that is known. With django-cassandra-engine it is the loop that its users write by hand: get() for each related row.
"""

import collections
import contextlib
import gc
import sys
from unittest import mock

import orm_databases
import schema
from forms import Clocks, WrongAnswer, answer_orders

COUNTRIES = 100
ENGINE_BATCH = 100  # rows


def rows():
    """The rows of the three tables."""
    for n in range(COUNTRIES):
        yield "country", {"id": n, "name": f"country {n}"}
    for n in range(schema.ROWS):
        yield "author", {"id": n, "name": f"author {n}", "country_id": n % COUNTRIES}
    for n in range(schema.ROWS):
        author = n * schema.STRIDE % schema.ROWS
        yield "book", {"id": n, "title": f"book {n}", "pages": n % 500, "author_id": author}


def wanted_join():
    return {
        (f"book {n}", f"author {a}", f"country {a % COUNTRIES}")
        for n in range(schema.ROWS)
        for a in [n * schema.STRIDE % schema.ROWS]
    }


def wanted_group():
    count, pages = collections.Counter(), collections.Counter()
    for n in range(schema.ROWS):
        country = f"country {n * schema.STRIDE % schema.ROWS % COUNTRIES}"
        count[country] += 1
        pages[country] += n % 500
    return {(name, count[name], pages[name]) for name in count}


class Libcql:
    def __init__(self, port):
        from django.db import connection, models

        orm_databases.configure(default=self.settings(port))

        class Country(models.Model):
            id = models.IntegerField(primary_key=True)
            name = models.CharField(max_length=50)

            class Meta:
                app_label = "bench"

        class Author(models.Model):
            id = models.IntegerField(primary_key=True)
            name = models.CharField(max_length=50)
            country = models.ForeignKey(Country, models.CASCADE)

            class Meta:
                app_label = "bench"

        class Book(models.Model):
            id = models.IntegerField(primary_key=True)
            title = models.CharField(max_length=50)
            pages = models.IntegerField()
            author = models.ForeignKey(Author, models.CASCADE)

            class Meta:
                app_label = "bench"

        self.connection = connection
        self.models = {"country": Country, "author": Author, "book": Book}

    @staticmethod
    def settings(port):
        return {
            "ENGINE": "django_cassandra_backend",
            "NAME": schema.ORM_KEYSPACE,
            "HOST": "127.0.0.1",
            "PORT": port,
            "OPTIONS": {"write_mode": "plain", "scan_budget": None},
        }

    def fill(self):
        with self.connection.schema_editor() as editor:
            for model in self.models.values():
                editor.create_model(model)
        for name, model in self.models.items():
            model.objects.bulk_create([model(**values) for of, values in rows() if of == name])

    def join(self):
        return {
            (book.title, book.author.name, book.author.country.name)
            for book in self.models["book"].objects.select_related("author__country")
        }

    def group(self):
        from django.db.models import Count, Sum

        books = self.models["book"].objects.values_list("author__country__name")
        return set(books.annotate(Count("pk"), Sum("pages")))

    @contextlib.contextmanager
    def waves(self):
        """A function that tells how many there have been, of either road; on the CQL road later pages of a read are not counted."""
        from django_cassandra_backend.cursor import Cursor

        send, counted = Cursor.send_reads, []

        def send_reads(*args, **kwargs):
            counted.append(1)
            return send(*args, **kwargs)

        before = self._of_relational()
        with mock.patch.object(Cursor, "send_reads", send_reads):
            yield lambda: len(counted) + self._of_relational() - before

    def _of_relational(self):
        sqlite = self.connection.relational._sqlite
        return 0 if sqlite is None else sqlite.counts.waves


class Engine:
    def __init__(self, port):
        orm_databases.configure_engine(port)
        from cassandra.cqlengine import columns
        from django.db import connection
        from django_cassandra_engine.models import DjangoCassandraModel

        class Country(DjangoCassandraModel):
            __table_name__ = "country"
            id = columns.Integer(primary_key=True)
            name = columns.Text()

            class Meta:
                app_label = "bench"
                get_pk_field = "id"

        class Author(DjangoCassandraModel):
            __table_name__ = "author"
            id = columns.Integer(primary_key=True)
            name = columns.Text()
            country_id = columns.Integer(index=True)

            class Meta:
                app_label = "bench"
                get_pk_field = "id"

        class Book(DjangoCassandraModel):
            __table_name__ = "book"
            id = columns.Integer(primary_key=True)
            title = columns.Text()
            pages = columns.Integer()
            author_id = columns.Integer(index=True)

            class Meta:
                app_label = "bench"
                get_pk_field = "id"

        connection.connect()
        self.models = {"country": Country, "author": Author, "book": Book}

    def fill(self):
        from cassandra.cqlengine import management
        from cassandra.cqlengine.query import BatchQuery, BatchType
        from django_cassandra_engine.models import DjangoCassandraModel

        management.Model = (management.Model, DjangoCassandraModel)  # as sync_cassandra does
        for name, model in self.models.items():
            management.sync_table(model, keyspaces=[schema.ENGINE_KEYSPACE])
            of_model = [values for of, values in rows() if of == name]
            for start in range(0, len(of_model), ENGINE_BATCH):
                with BatchQuery(batch_type=BatchType.Unlogged) as batch:
                    for values in of_model[start : start + ENGINE_BATCH]:
                        model.batch(batch).create(**values)

    def found(self):
        author, country = self.models["author"].objects, self.models["country"].objects
        for book in self.models["book"].objects.all().limit(None):
            of_book = author.get(id=book.author_id)
            yield book, of_book, country.get(id=of_book.country_id)

    def join(self):
        return {(book.title, author.name, country.name) for book, author, country in self.found()}

    def group(self):
        count, pages = collections.Counter(), collections.Counter()
        for book, _, country in self.found():
            count[country.name] += 1
            pages[country.name] += book.pages
        return {(name, count[name], pages[name]) for name in count}

    @contextlib.contextmanager
    def waves(self):
        yield lambda: None


def main(database, port):
    subject = {"libcql": Libcql, "engine": Engine}[database](port)
    wanted = {"join": wanted_join, "group": wanted_group}

    def answer(job):
        if job == "fill":
            return subject.fill()
        gc.collect()
        with subject.waves() as waves:
            clocks = Clocks()
            found = getattr(subject, job)()
            taken = clocks.read([], [])
            figures = {"wall": taken.wall / schema.ROWS * 1e6, "cpu": taken.cpu / schema.ROWS * 1e6}
            if waves() is not None:
                figures["waves"] = waves()
        if found != wanted[job]():
            raise WrongAnswer(f"{job}: {len(found)} rows, or others")
        return figures

    answer_orders(answer)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""Django with models of ten fields, on each of the databases that are compared. Each runs in an environment of its own."""

import uuid

import schema


def libcql(port):
    """Our backend, with an alias that writes plainly beside the default, which writes lightweight transactions."""
    database = {
        "ENGINE": "django_cassandra_backend",
        "NAME": schema.ORM_KEYSPACE,
        "HOST": "127.0.0.1",
        "PORT": port,
    }
    configure(
        default={**database, "OPTIONS": {"write_mode": "plain"}},
        lwt={**database, "OPTIONS": {"write_mode": "lwt"}},
    )
    return django_models()


def postgres(port):
    configure(
        default={
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "bench",
            "USER": "bench",
            "HOST": "127.0.0.1",
            "PORT": port,
            "CONN_MAX_AGE": None,
        }
    )
    return django_models()


def engine(port):
    """django-cassandra-engine. It has no bulk_create(): its fastest way is an unlogged batch."""
    configure_engine(port)
    from cassandra.cqlengine import columns, management
    from django.db import connection
    from django_cassandra_engine.models import DjangoCassandraModel

    class Base(DjangoCassandraModel):
        __abstract__ = True
        id = columns.UUID(primary_key=True, default=uuid.uuid4)
        name = columns.Text()
        city = columns.Text()
        people = columns.Integer()
        rating = columns.Double()
        open = columns.Boolean()
        date = columns.DateTime()
        day = columns.Date()
        price = columns.Decimal()
        note = columns.Text()

        class Meta:
            app_label = "bench"
            get_pk_field = "id"

    class Party(Base):
        __table_name__ = "party"

    class NewParty(Base):
        __table_name__ = "new_party"

    connection.connect()
    management.Model = (management.Model, DjangoCassandraModel)  # as sync_cassandra does
    for model in (Party, NewParty):
        management.sync_table(model, keyspaces=[schema.ENGINE_KEYSPACE])
    return Party, NewParty


def configure_engine(port):
    configure(
        ["django_cassandra_engine"],
        default={
            "ENGINE": "django_cassandra_engine",
            "NAME": schema.ENGINE_KEYSPACE,
            "HOST": "127.0.0.1",
            "OPTIONS": {"connection": {"port": port, "compression": False}},
        },
    )


def configure(apps=(), **databases):
    import django
    from django.conf import settings

    settings.configure(
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=list(apps),
        DATABASES=databases,
        CASSANDRA_FALLBACK_ORDER_BY_PYTHON=False,
    )
    django.setup()


def django_models():
    """The model that is read and the one that is written, and their empty tables in the default database."""
    from django.db import connection, models

    class Base(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        name = models.CharField(max_length=100)
        city = models.CharField(max_length=50)
        people = models.IntegerField()
        rating = models.FloatField()
        open = models.BooleanField()
        date = models.DateTimeField()
        day = models.DateField()
        price = models.DecimalField(max_digits=10, decimal_places=2)
        note = models.TextField()

        class Meta:
            abstract = True
            app_label = "bench"

    class Party(Base):
        pass

    class NewParty(Base):
        pass

    with connection.schema_editor() as editor:
        for model in (Party, NewParty):
            editor.create_model(model)
    return Party, NewParty

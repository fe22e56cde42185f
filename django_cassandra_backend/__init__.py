"""Django on Apache Cassandra, Astra DB, or a file: ENGINE = "django_cassandra_backend"."""

__version__ = "0.1.0"

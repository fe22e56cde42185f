from django.db import models

from django_cassandra_backend.models import PrimaryKey


class Entry(models.Model):
    """A line in a party's guestbook: the key of Cassandra and the key of Django are the same."""

    pk = PrimaryKey(partition_by=["party"], cluster_by=["-written", "guest"])
    party = models.UUIDField()
    written = models.DateTimeField()
    guest = models.CharField(max_length=100)
    words = models.TextField()

    def __str__(self):
        return f"{self.guest}: {self.words}"

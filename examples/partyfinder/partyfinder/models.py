import uuid

from django.db import models
from django.urls import reverse
from django.utils import timezone

from django_cassandra_backend.models import PhysicalKey


class Party(models.Model):
    """
    A party in a city.

    For Django it has a plain primary key, ``id``. In Cassandra the parties of a city stand together,
    newest date first: ``PRIMARY KEY ((city), date, id)``, with an index on ``id``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.CharField(max_length=50)
    name = models.CharField(max_length=200)
    people = models.PositiveIntegerField(default=0)
    date = models.DateTimeField(default=timezone.now)

    key = PhysicalKey(partition_by=["city"], cluster_by=["-date"])

    class Meta:
        db_table = "party"
        verbose_name_plural = "parties"

    def __str__(self):
        return f"{self.name} ({self.city}, {self.date:%Y-%m-%d})"

    def get_absolute_url(self):
        return reverse("partyfinder:party", args=[self.city, self.id])

"""An app with migrations, for the tests of `migrate`."""

from django.db import models

from django_cassandra_backend.models import PhysicalKey


class Act(models.Model):
    id = models.UUIDField(primary_key=True)
    stage = models.CharField(max_length=20)
    start = models.DateTimeField()
    title = models.TextField(default="untitled")
    key = PhysicalKey(partition_by=["stage"], cluster_by=["-start"])

    class Meta:
        indexes = [models.Index(fields=["title"], name="act_title")]

from django.db import migrations, models

from django_cassandra_backend.models import PhysicalKey


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            "Act",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("stage", models.CharField(max_length=20)),
                ("start", models.DateTimeField()),
                ("key", PhysicalKey(partition_by=["stage"], cluster_by=["-start"])),
            ],
        ),
    ]

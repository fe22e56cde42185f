from django.db import migrations, models


def fill(apps, schema_editor):
    act = apps.get_model("stages", "Act")
    act.objects.using(schema_editor.connection.alias).create(
        id="12345678-1234-4234-8234-123456789012", stage="main", start="2026-05-17T20:00:00Z"
    )


class Migration(migrations.Migration):
    dependencies = [("stages", "0001_initial")]
    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddField("Act", "title", models.TextField(default="untitled")),
        migrations.AddIndex("Act", models.Index(fields=["title"], name="act_title")),
        migrations.RunSQL("CREATE TABLE stages_raw (id int PRIMARY KEY)", "DROP TABLE stages_raw"),
    ]

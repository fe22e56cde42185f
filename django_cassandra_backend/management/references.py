"""manage.py cql check-references: foreign keys that point at no row, told and counted."""

from django.apps import apps
from django.core.management.base import CommandError

from ..orphans import models_with_tables, orphans_of, references_of
from .progress import Progress

SHOWN = 100  # orphans, a line for each; of the others the number


class ReferenceCheck:
    """One run over the models with foreign keys. `labels`: "app_label" or "app_label.Model"; none are all."""

    def __init__(self, command, connection, labels):
        self.command, self.connection = command, connection
        self.labels = list(labels)
        self.found = 0

    def run(self) -> None:
        models = self._models()
        with self.connection.lift_scan_budget(), Progress(self.command.stderr) as progress:
            for number, model in enumerate(models):
                self._check(model, lambda text, n=number: progress(text, n / len(models)))
        if self.found > SHOWN:
            self.command.stdout.write(f"… and {self.found - SHOWN} more")
        if self.found:
            raise CommandError(
                f"{self.found} foreign key(s) point at no row. Give them rows, or delete or empty them."
            )
        self.command.stdout.write("Each foreign key points at a row.")

    def _check(self, model, tell) -> None:
        label, rows, before = model._meta.label, 0, self.found

        def seen(count: int) -> None:
            nonlocal rows
            rows += count
            tell(f"{label}, {rows} rows")

        tell(label)
        for orphan in orphans_of(self.connection, model, seen):
            self.found += 1
            if self.found <= SHOWN:
                self.command.stdout.write(str(orphan))
        self.command.stdout.write(f"{label}: {rows} rows looked at, {self.found - before} orphans.")

    def _models(self) -> list:
        """The chosen models that have foreign keys, and tables."""
        chosen = [name for label in self.labels for name in self._names(label)]
        tables = set(self.connection.introspection.table_names())
        return [
            model
            for model in models_with_tables(self.connection)
            if model._meta.db_table in tables
            and references_of(self.connection, model)
            and (not self.labels or model._meta.label in chosen)
        ]

    def _names(self, label: str) -> list[str]:
        """The models that a label of the command line means, as their own labels."""
        app, _, name = label.partition(".")
        try:
            if name:
                return [apps.get_model(app, name)._meta.label]
            models = apps.get_app_config(app).get_models(include_auto_created=True)
        except LookupError as error:
            raise CommandError(str(error)) from None
        return [model._meta.label for model in models]

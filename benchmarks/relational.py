"""What do joins and aggregates cost on a CQL file, beside Django's sqlite3 backend on one?

100,000 tickets of 2,000 events in 100 towns, with the same indexes: those that Django makes for foreign keys. The
queries go the relational road: SQLite joins and groups what libcql reads.
"""

import functools
import random

import models
from bench import Bench, timed
from django.db.models import Avg, Count, Max, Sum

NAMES = [
    "rel_select_related",
    "rel_filter",
    "rel_group",
    "rel_group_joined",
    "rel_annotate",
    "rel_aggregate",
    "rel_aggregate_joined",
    "rel_order_slice",
    "rel_in_subquery",
]
TOWNS, EVENTS, TICKETS = 100, 2_000, 100_000
CHUNK = 10_000
SUBJECTS = {"cassandra": "libcql", "sqlite": "sqlite3"}  # alias: subject
LIMIT = 2


def benches(folder):
    """The questions, over two databases filled with the same rows. What they answer is compared before the first round."""
    models.configure(folder)
    _, event, ticket = models.related()
    for alias in SUBJECTS:
        fill(alias)

    def bench(name, model, operation, rows, arguments=(None,), limit=LIMIT):
        """`operation(manager, argument)` on both databases; the cost is given per row of `rows`."""
        arguments = list(arguments)
        managers = {alias: model.objects.using(alias) for alias in SUBJECTS}

        @functools.cache
        def compare():
            ours, theirs = (normal(operation(m, arguments[0])) for m in managers.values())
            if ours != theirs:
                raise AssertionError(f"{name}: {ours[:3]} … is not {theirs[:3]} …")

        def subject(manager):
            def run():
                compare()
                return timed(lambda argument: operation(manager, argument), arguments)

            return run

        subjects = {shown: subject(managers[alias]) for alias, shown in SUBJECTS.items()}
        return Bench(name, len(arguments) * rows, subjects, "libcql", "sqlite3", limit=limit)

    def each(found, *names):
        return found.values(*names).annotate(
            number=Count("pk"), seats_=Sum("seats"), paid=Avg("price")
        )

    figures = {"seats_": Sum("seats"), "paid": Avg("price"), "last": Max("bought")}
    yield bench(
        "rel_select_related", ticket, lambda m, _: list(m.select_related("event__town")), TICKETS
    )
    chance = random.Random(1)
    yield bench(
        "rel_filter",
        ticket,
        lambda m, name: list(m.filter(event__town__name=name)),
        TICKETS // TOWNS,
        [f"town {chance.randrange(TOWNS) + 1}" for _ in range(20)],
    )
    yield bench("rel_group", ticket, lambda m, _: list(each(m, "event")), TICKETS)
    yield bench(
        "rel_group_joined", ticket, lambda m, _: list(each(m, "event__town__name")), TICKETS
    )
    yield bench(
        "rel_annotate", event, lambda m, _: list(m.annotate(number=Count("ticket"))), TICKETS
    )
    yield bench("rel_aggregate", ticket, lambda m, _: m.aggregate(**figures), TICKETS)
    yield bench(
        "rel_aggregate_joined",
        ticket,
        lambda m, _: m.filter(event__name__contains="9").aggregate(**figures),
        TICKETS,
    )
    yield bench(
        "rel_order_slice",
        ticket,
        lambda m, _: list(m.select_related("event").order_by("event__date", "pk")[:20]),
        TICKETS,
    )
    yield bench(
        "rel_in_subquery",
        event,
        lambda m, _: list(m.filter(pk__in=ticket.objects.filter(seats=5).values("event"))),
        TICKETS,
    )


def fill(alias):
    models.create(alias)
    town, event, ticket = models.related()
    town.objects.using(alias).bulk_create(models.towns(TOWNS))
    event.objects.using(alias).bulk_create(models.events(EVENTS, TOWNS))
    ticket.objects.using(alias).bulk_create(models.tickets(TICKETS, EVENTS), batch_size=CHUNK)


def normal(answer):
    """What can be compared: the order of rows that have none is anyone's, and so is the last digit of an average."""
    if isinstance(answer, dict):
        answer = [answer]
    return sorted(repr(row_of(row)) for row in answer)


def row_of(row):
    if not isinstance(row, dict):
        row = {name: value for name, value in vars(row).items() if name != "_state"}
    return {name: f"{v:.6f}" if name == "paid" else v for name, v in row.items()}

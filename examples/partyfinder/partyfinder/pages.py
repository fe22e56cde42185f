"""
Pages of a city's parties, without counting or skipping rows.

A page begins behind the last party of the page before it. That place is a clustering key, (date, id), so each page
costs what it shows, however far down it is.
"""

import uuid
from itertools import chain, islice

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

PAGE_LENGTH = 50


def page_of(parties, before=None):
    """
    Return (a list of at most PAGE_LENGTH parties, the ``before`` of the next page or None).

    ``parties`` is a queryset of one city in the table's order, ``("-date", "id")``. A ``before`` that no page gave is taken as the first page's.
    """
    place = parse_place(before)
    if place is None:
        rows = parties[: PAGE_LENGTH + 1]
    else:
        date, id = place
        same_date = parties.filter(date=date, id__gt=id)[: PAGE_LENGTH + 1]
        older = parties.filter(date__lt=date)[: PAGE_LENGTH + 1]
        rows = islice(chain(same_date, older), PAGE_LENGTH + 1)
    found = list(rows)
    if len(found) <= PAGE_LENGTH:
        return found, None
    last = found[PAGE_LENGTH - 1]
    return found[:PAGE_LENGTH], f"{last.date.isoformat()},{last.id}"


def parse_place(text):
    date, _, id = (text or "").rpartition(",")
    try:
        date, id = parse_datetime(date), uuid.UUID(id)
    except ValueError:
        return None
    return (date, id) if date is not None and is_aware(date) else None

"""Sample data: some parties in some cities, around today."""

from datetime import timedelta

from django.utils import timezone

from .models import Party

# city: (days from today, hour, name, people)
SAMPLE = {
    "Berlin": [
        (2, 22, "Kühlhaus all-nighter", 41),
        (9, 16, "Tempelhof kite picnic", 12),
        (-3, 20, "Board games at Ida's", 6),
    ],
    "Kyoto": [(5, 18, "Lanterns on the Kamo", 17), (1, 19, "Karaoke, no excuses", 8)],
    "Lisbon": [
        (0, 21, "Fado on the rooftop", 9),
        (4, 13, "Sardines by the river", 24),
        (12, 23, "Bairro Alto crawl", 33),
    ],
    "Oslo": [
        (1, 18, "Fjord sauna and soup", 7),
        (6, 20, "Housewarming at Grünerløkka", 15),
        (-8, 19, "Waffles after skiing", 11),
    ],
    "São Paulo": [(3, 20, "Samba na laje", 52), (10, 15, "Churrasco de domingo", 28)],
}


def load_sample():
    """Fill an empty table; return how many parties were added."""
    if Party.objects.exists():
        return 0
    today = timezone.now().replace(minute=0, second=0, microsecond=0)
    parties = [
        Party(
            city=city,
            name=name,
            people=people,
            date=today.replace(hour=hour) + timedelta(days=days),
        )
        for city, rows in SAMPLE.items()
        for days, hour, name, people in rows
    ]
    return len(Party.objects.bulk_create(parties))

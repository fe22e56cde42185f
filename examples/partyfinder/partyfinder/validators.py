from django.core.exceptions import ValidationError

CITY_MAX_LENGTH = 50


def validate_city(value):
    """Refuse what could not stand as one part of a path, because a city's pages are found by its name."""
    if "/" in value or "\\" in value:
        raise ValidationError("A city's name cannot contain a slash.", code="slash")
    if not value.strip("."):
        raise ValidationError("A city's name needs a letter.", code="dots")
    if not value.isprintable():
        raise ValidationError("A city's name cannot contain control characters.", code="control")

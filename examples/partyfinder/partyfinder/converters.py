from .validators import CITY_MAX_LENGTH


class CityConverter:
    """A city as a part of a path: what the form accepts as a city, and nothing longer."""

    regex = rf"[^/]{{1,{CITY_MAX_LENGTH}}}"

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value

from django import forms
from django.utils import timezone

from .models import Party
from .validators import CITY_MAX_LENGTH, validate_city

PEOPLE_MAX = 1_000_000


class CityForm(forms.Form):
    """Which city to browse."""

    city = forms.CharField(
        max_length=CITY_MAX_LENGTH,
        validators=[validate_city],
        widget=forms.TextInput(attrs={"placeholder": "Oslo", "autocomplete": "address-level2"}),
    )


class PartyForm(forms.ModelForm):
    """A new party."""

    city = forms.CharField(max_length=CITY_MAX_LENGTH, validators=[validate_city])
    date = forms.DateTimeField(
        initial=timezone.now,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    people = forms.IntegerField(min_value=0, max_value=PEOPLE_MAX, initial=0, label="People so far")

    class Meta:
        model = Party
        fields = ["city", "name", "date", "people"]


class CountForm(forms.Form):
    """One more or one less, from the count that the visitor saw."""

    seen = forms.IntegerField(min_value=0, max_value=PEOPLE_MAX)
    delta = forms.TypedChoiceField(choices=[("1", "+1"), ("-1", "−1")], coerce=int)

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("delta") and "seen" in cleaned:
            people = cleaned["seen"] + cleaned["delta"]
            if people < 0:
                raise forms.ValidationError("Nobody is coming yet, so nobody can leave.")
            if people > PEOPLE_MAX:
                raise forms.ValidationError("This party is full.")
            cleaned["people"] = people
        return cleaned

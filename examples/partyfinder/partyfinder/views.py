"""
The pages. Reading is GET; whatever changes something is POST, and guarded against forgery.

Each view's queries are CQL statements on the table's own key: a city's parties are one partition, in the
order that they are shown in.
"""

from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from .forms import CityForm, CountForm, PartyForm
from .models import Party
from .pages import page_of

CITIES_SHOWN = 40


@require_GET
def index(request):
    """Choose a city."""
    form = CityForm(request.GET or None)
    if form.is_valid():
        return redirect("partyfinder:parties", form.cleaned_data["city"])
    cities = Party.objects.values_list("city", flat=True).distinct()[:CITIES_SHOWN]
    return render(request, "partyfinder/index.html", {"form": form, "cities": sorted(cities)})


@require_GET
def parties(request, city):
    """A city's parties, newest date first, a page at a time."""
    in_city = Party.objects.filter(city=city).order_by("-date", "id")
    found, older = page_of(in_city, request.GET.get("before"))
    context = {"city": city, "parties": found, "older": older}
    return render(request, "partyfinder/list.html", context)


@require_http_methods(["GET", "POST"])
def new_party(request):
    """Post a party."""
    posted = request.POST if request.method == "POST" else None
    form = PartyForm(posted, initial={"city": request.GET.get("city", "")})
    if form.is_valid():
        return redirect(form.save())
    return render(request, "partyfinder/new_party.html", {"form": form})


@require_GET
def party(request, city, id):
    """One party, with the buttons to join and to leave it."""
    return show_party(request, find_party(city, id))


@require_POST
def delete_party(request, city, id):
    find_party(city, id).delete()
    return redirect("partyfinder:parties", city)


@require_POST
def change_people(request, city, id):
    """
    Count me in, or out.

    The count that the visitor saw travels with the write, as a condition: of two visitors who saw the same
    count, one changes it, and the other is told what it is by now.
    """
    form = CountForm(request.POST)
    if not form.is_valid():
        return show_party(request, find_party(city, id), errors=form.errors, status=400)
    seen, people = form.cleaned_data["seen"], form.cleaned_data["people"]
    if Party.objects.filter(pk=id, city=city, people=seen).update(people=people):
        return redirect("partyfinder:party", city, id)
    return show_party(request, find_party(city, id), stale_count=seen, status=409)


def find_party(city, id):
    return get_object_or_404(Party, pk=id, city=city)


def show_party(request, party, status=200, **context):
    return render(request, "partyfinder/party.html", {"party": party, **context}, status=status)

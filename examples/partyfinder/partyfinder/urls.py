from django.urls import path, register_converter

from . import views
from .converters import CityConverter

register_converter(CityConverter, "city")

app_name = "partyfinder"
urlpatterns = [
    path("", views.index, name="index"),
    path("list/<city:city>/", views.parties, name="parties"),
    path("new/", views.new_party, name="new_party"),
    path("detail/<city:city>/<uuid:id>", views.party, name="party"),
    path("delete/<city:city>/<uuid:id>", views.delete_party, name="delete_party"),
    path("change_people/<city:city>/<uuid:id>", views.change_people, name="change_people"),
]

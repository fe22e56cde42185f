"""The site's URLs: everything lives under /partyfinder/."""

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="partyfinder:index")),
    path("partyfinder/", include("partyfinder.urls")),
]

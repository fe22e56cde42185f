from django.apps import AppConfig


class PartyfinderConfig(AppConfig):
    name = "partyfinder"
    verbose_name = "Partyfinder"

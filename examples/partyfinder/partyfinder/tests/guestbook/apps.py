from django.apps import AppConfig


class GuestbookConfig(AppConfig):
    name = "partyfinder.tests.guestbook"
    label = "guestbook"

from django.apps import AppConfig


class MeaOscpConfig(AppConfig):
    name = "meaoscp"

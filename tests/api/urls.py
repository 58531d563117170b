"""The API alone, where the real site mounts it: its tests need no page to work."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("evbilling.api.urls"))]

"""Where payment gateways knock."""

from django.urls import path

from evbilling.webhooks import views

urlpatterns = [
    path("omise/", views.omise, name="webhook-omise"),
    path("scb/", views.scb, name="webhook-scb"),
]

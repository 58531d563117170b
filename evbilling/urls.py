"""The map of the site."""

from django.urls import URLPattern, URLResolver, include, path

from evbilling import views
from evbilling.demo import cards

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("evbilling.api.urls")),  # first: found without trying every page
    path("c/", include("evbilling.customer.urls")),
    path("webhooks/", include("evbilling.webhooks.urls")),
    path("", include("evbilling.backoffice.urls")),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
    path("demo/ready", views.demo_ready, name="demo-ready"),
    path("demo/card/<str:code>", cards.hold, name="demo-card"),
]

handler404 = "evbilling.views.not_found"
handler500 = "evbilling.views.broken"

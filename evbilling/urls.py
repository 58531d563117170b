"""The map of the site."""

from django.urls import URLPattern, URLResolver, include, path

from evbilling import statement_links, views
from evbilling.customer import refunding
from evbilling.demo import cards

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("evbilling.api.urls")),  # first: found without trying every page
    path("c/", include("evbilling.customer.urls")),
    path("", include("evbilling.line.urls")),
    path("me/", include("evbilling.member.urls")),
    path("refund/<str:token>/", refunding.page, name="refund"),
    path("webhooks/", include("evbilling.webhooks.urls")),
    path("d/", include("evbilling.customer.paper_urls")),
    path("", include("evbilling.backoffice.urls")),
    path("bill/<str:token>", statement_links.paper, name="statement-link"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
    path("demo/ready", views.demo_ready, name="demo-ready"),
    path("demo/card/<str:code>", cards.hold, name="demo-card"),
]

handler404 = "evbilling.views.not_found"
handler500 = "evbilling.views.broken"

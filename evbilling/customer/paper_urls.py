"""Documents of customers, under ``/d/``: the paper, and asking for a full one."""

from django.urls import path

from evbilling.customer import papers

urlpatterns = [
    path("<str:token>.pdf", papers.pdf, name="document"),
    path("<str:token>/full/", papers.full, name="document-full"),
]

"""The customer's pages, under ``/c/``. The QR has no trailing slash; both forms are the page itself."""

from django.urls import path

from evbilling.customer import live, pictures, views

urlpatterns = [
    path("<str:code>", views.page, name="customer"),
    path("<str:code>/", views.page),
    path("<str:code>/part", views.part, name="customer-part"),
    path("<str:code>/live", live.stream, name="customer-live"),
    path("<str:code>/wait", views.wait, name="customer-wait"),
    path("<str:code>/cancel", views.cancel, name="customer-cancel"),
    path("<str:code>/confirm", views.confirm, name="customer-confirm"),
    path("<str:code>/pay", views.pay, name="customer-pay"),
    path("<str:code>/pay-again", views.pay_again, name="customer-pay-again"),
    path("<str:code>/token", views.token, name="customer-token"),
    path("<str:code>/call-off", views.call_off, name="customer-call-off"),
    path("<str:code>/qr", pictures.shown, name="customer-qr"),
    path("<str:code>/qr.png", pictures.saved, name="customer-qr-png"),
    path("<str:code>/stop", views.stop, name="customer-stop"),
    path("<str:code>/mine", views.claim, name="customer-claim"),
    path("<str:code>/reserve", views.reserve, name="customer-reserve"),
    path("<str:code>/unreserve", views.unreserve, name="customer-unreserve"),
    path("<str:code>/receipt/<str:token>", views.receipt, name="customer-receipt"),
    path("<str:code>/receipt/<str:token>/explained", views.explained, name="customer-explained"),
]

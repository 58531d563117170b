"""What has to do with LINE. The callback is the one address that LINE Login knows."""

from django.urls import path

from evbilling.line import chat_link, login, webhook

urlpatterns = [
    path("webhooks/line/", webhook.receive, name="line-webhook"),
    path("line/callback", login.callback, name="line-callback"),
    path("line/receipt/<str:code>/<str:token>", login.of_receipt, name="line-receipt"),
    path("line/purchase/<uuid:token>", login.of_purchase, name="line-purchase"),
    path("me/line/link", chat_link.page, name="line-link"),
    path("me/<slug:slug>/line/start", login.of_member, name="me-line-start"),
    path("me/<slug:slug>/line/unlink", login.unlink, name="me-line-unlink"),
]

"""The member's pages, under ``/me/``: signing in, then one area for each company."""

from django.urls import path

from evbilling.member import home, profile, signin, things, topping

urlpatterns = [
    path("", signin.choose, name="me-choose"),
    path("sign-in", signin.start, name="me-sign-in"),
    path("sign-in/code", signin.code, name="me-code"),
    path("sign-in/again", signin.again, name="me-again"),
    path("sign-out", signin.sign_out, name="me-sign-out"),
    path("<slug:slug>/", home.home, name="me"),
    path("<slug:slug>/notice", signin.notice, name="me-notice"),
    path("<slug:slug>/history", home.history, name="me-history"),
    path("<slug:slug>/history/<int:pk>", home.charge, name="me-charge"),
    path("<slug:slug>/documents", home.documents, name="me-documents"),
    path("<slug:slug>/top-up", topping.top_up, name="me-top-up"),
    path("<slug:slug>/top-up/back", topping.back, name="me-paid"),
    path("<slug:slug>/pay/<str:reference>", topping.pay, name="me-pay"),
    path("<slug:slug>/pay/<str:reference>/card", topping.card, name="me-card-token"),
    path("<slug:slug>/cards", things.cards, name="me-cards"),
    path("<slug:slug>/cards/<int:pk>/block", things.block, name="me-card-block"),
    path("<slug:slug>/favourites", things.favourites, name="me-favourites"),
    path("<slug:slug>/favourites/<str:code>", things.star, name="me-star"),
    path("<slug:slug>/find", things.find, name="me-find"),
    path("<slug:slug>/profile", profile.profile, name="me-profile"),
    path("<slug:slug>/number", profile.number, name="me-number"),
    path("<slug:slug>/phones", profile.devices, name="me-devices"),
    path("<slug:slug>/phones/<int:pk>/out", profile.sign_out_one, name="me-device-out"),
    path("<slug:slug>/sign-out-all", profile.sign_out_all, name="me-sign-out-all"),
    path("<slug:slug>/data", profile.data, name="me-data"),
    path("<slug:slug>/copy", profile.copy, name="me-copy"),
]

"""The REST API ``/api/v1/``: one module per resource, over the same services as the pages.

Every view declares which right each method needs (``actions``); objects come through selectors
built on ``users.access.scope``; whatever goes wrong is ``{"code", "detail", "fields"}``.
"""

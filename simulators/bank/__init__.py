"""A bank and a payment gateway that speak Omise's and SCB's HTTP like the real ones. Knows no app.

``python -m simulators.bank --port 8200 --webhook-url http://127.0.0.1:8000/webhooks/omise/``. The
bodies are recorded ones (``recorded/SOURCES.md``): a value can be filled in only where the recording
has its field. What a person or a test may do to it: ``simulators.bank.control``.
"""

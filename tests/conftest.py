"""What every test gets: Thai first, no network but loopback, and the database left as it was."""

import os

os.environ.setdefault("EVBILLING_TESTING", "1")
os.environ.setdefault("SECRET_KEY", "test-secret-key-of-no-worth-but-long-enough")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evbilling.settings")

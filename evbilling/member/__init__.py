"""The member on the phone: signing in by number, wallet, history and what is theirs, under ``/me/``."""

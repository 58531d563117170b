"""LINE on the web: logging in, linking, what a guest taps, and LINE's webhook."""

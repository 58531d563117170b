"""The page behind the QR on a connector: no login, no app, rendered here, useful without JavaScript."""

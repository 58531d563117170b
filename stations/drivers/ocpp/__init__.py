"""OCPP 1.6J: our own session loop, the official schemas as the law of what we send."""

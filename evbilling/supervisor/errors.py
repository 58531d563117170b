"""Why the supervisor does not go on, and that somebody asked it to stop."""


class Refused(Exception):
    """Cannot go on; the message is one sentence for the person at the terminal."""


class Stopped(Exception):
    """A signal came, or the supervisor's own parent is gone."""

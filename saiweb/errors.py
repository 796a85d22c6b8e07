"""The errors this program raises on purpose; each message is one sentence for the person who reads it."""


class SaiwebError(Exception):
    """A rule was broken or something needed is not there; `str(error)` is fit to show."""


class ConfigError(SaiwebError):
    """The environment holds wrong values; one sentence per value, joined by new lines."""


class MigrationError(SaiwebError):
    """The dashboard database is in a state that this version does not know."""

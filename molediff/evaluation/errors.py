"""The one error of the judge that is the user's to mend."""


class InputError(ValueError):
    """Something the user gave cannot be used. The message says what was given, what is allowed and what to type."""

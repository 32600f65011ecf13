"""Errors that users can act on: one sentence, a hint, and the exit code of the verb."""


class UserError(Exception):
    """A failure that the user can act on. `str(error)` is one sentence; `hint` says what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(UserError):
    """Wrong usage, configuration or model bundle: nothing was started."""

    exit_code = 2


class TooManyRejects(UserError):
    """More tracks were rejected than the settings allow, or none has a genre. The run was stopped or has finished."""

    exit_code = 3


class PublicationRefused(UserError):
    """A rule refuses to publish: what is served stays as it is."""

    exit_code = 3


class DamageFound(UserError):
    """Output that does not match its manifest."""

    exit_code = 4

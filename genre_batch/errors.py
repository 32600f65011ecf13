"""What a user is told when a verb cannot go on: one sentence, what to do about it, and an exit code."""


class UserError(Exception):
    """A failure the user can act on. `str(error)` is one sentence; `hint` says what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(UserError):
    """Wrong usage, configuration or model bundle: nothing was started."""

    exit_code = 2


class TooManyRejects(UserError):
    """More tracks were rejected than the settings allow, or none has a genre: the run was stopped, or has finished."""

    exit_code = 3


class DamageFound(UserError):
    """Verification found output that is not what the manifest says."""

    exit_code = 4

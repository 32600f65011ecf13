"""What to do about damage, in the words of hints."""


def mend(output: str = "OUTPUT") -> str:
    """The command that mends what can be mended, and says what to do about the rest."""
    return f"genre-batch verify {output} --repair"


def giving_up(output: str, run_id: str) -> str:
    """The command that removes an unfinished run, so that the next one does its tracks."""
    return f"genre-batch gc {output} --unfinished {run_id} --delete"

"""What `train` says on stderr while it works."""

import sys

from genre_batch.training.fit import Progress

_EVERY_EPOCHS = 10


def tell(line: str) -> None:
    """One line on stderr; stdout is for the report."""
    sys.stderr.write(line + "\n")


def epoch_teller(what: str, epochs: int) -> Progress:
    """The progress of one fit of `epochs` epochs: a line every ten and one at the end.

    A fit that does not begin with the first epoch goes on from a checkpoint, and that is told too.
    """
    told_before = False

    def told(epoch: int, loss: float) -> None:
        nonlocal told_before
        if not told_before and epoch > 1:
            tell(f"{what}: goes on from epoch {epoch - 1}")
        told_before = True
        if epoch % _EVERY_EPOCHS == 0 or epoch == epochs:
            tell(f"{what}: epoch {epoch}/{epochs}, loss {loss:.3f}")

    return told

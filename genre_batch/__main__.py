"""`genre-batch` and `python -m genre_batch`: the command line, in a child process so that signals end it cleanly."""

import sys

from genre_batch.interrupts import supervise


def main(arguments: list[str] | None = None) -> None:
    """Run the command line with `arguments`, or those of the process, and end it with the verb's exit code."""

    def run() -> None:
        from genre_batch.cli.app import main as run_verb

        run_verb(arguments)

    supervise(run)
    sys.exit(0)


if __name__ == "__main__":
    main()

"""One thread for the numeric libraries of an actor."""

import sys

from threadpoolctl import threadpool_limits


def limit_threads() -> None:
    """Set the libraries that are loaded to one thread each: a thread a core in every actor would be cores squared."""
    threadpool_limits(1)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)

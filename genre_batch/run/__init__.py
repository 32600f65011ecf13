"""One run from its plan to its report: planning or resuming, progress, what is told at the end."""

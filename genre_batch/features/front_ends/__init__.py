"""One file for each front end: its settings and its computation."""

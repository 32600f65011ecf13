"""How good a bundle is on labelled tracks: its answers, the metrics over them, and the report."""

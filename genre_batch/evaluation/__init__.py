"""How good a bundle is on labelled tracks: metrics and their report."""

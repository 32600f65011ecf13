"""From samples to model inputs: front ends and the sandbox they run in."""

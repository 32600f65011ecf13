"""For people who read outputs: SQL views, comparisons of models, and similar tracks."""

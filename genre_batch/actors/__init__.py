"""The two workers of a run, as plain classes that do not know Ray."""

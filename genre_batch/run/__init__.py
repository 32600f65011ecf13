"""The run itself: which run it is, its progress, and its verdict and report at the end."""

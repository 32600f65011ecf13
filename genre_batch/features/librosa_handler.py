"""The child's side for front ends that need librosa: seconds and 160 MiB that others should not pay for."""

from genre_batch.features.sandbox_handler import handle, handle_each, rehearse

__all__ = ["handle", "handle_each"]

rehearse(needs_librosa=True)

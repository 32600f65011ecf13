"""The coordinator's commands carried out on Ray. No room below this one knows that Ray exists."""

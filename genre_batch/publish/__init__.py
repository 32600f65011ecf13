"""What readers are served: rules that decide, one pointer that says so, and a log of its steps."""

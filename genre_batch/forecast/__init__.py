"""What a run will take, and afterwards how far off that forecast was."""

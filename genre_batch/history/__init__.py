"""What earlier and other runs have done, so that it is not done again."""

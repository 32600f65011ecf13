"""One network a file; each is built from the settings kept in its bundle."""

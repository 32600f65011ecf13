"""Every HTML page and its figures, with the templates they are made from."""

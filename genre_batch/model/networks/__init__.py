"""Networks: their settings, and one file of code for each network or family."""

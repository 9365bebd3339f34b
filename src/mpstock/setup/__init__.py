"""How a shop is set up: what is asked, what the accounts answer, and the files that are written."""

"""The directory as staff keep it: what is in use, its pages, and CSV files of it."""

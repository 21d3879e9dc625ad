"""One module per directory API."""

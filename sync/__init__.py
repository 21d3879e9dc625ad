"""The engine: from what a directory says to what is written."""

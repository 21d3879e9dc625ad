"""The vocabulary of the engine; imports the standard library only."""

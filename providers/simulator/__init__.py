"""Identity providers simulated in their real wire formats."""

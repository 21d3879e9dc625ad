"""The served side: mounts, admin API, console and sign-in."""

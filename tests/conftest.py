"""What every test can ask for; each plugin below holds one concern."""

pytest_plugins = [
    "tests.browsers",
    "tests.databases",
    "tests.golden_files",
    "tests.network",
    "tests.profiles",
    "tests.serving",
]

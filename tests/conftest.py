"""What every test can ask for; each plugin below holds one concern."""

import os

pytest_plugins = [
    "tests.scratch",  # first: others import it
    "tests.browsers",
    "tests.databases",
    "tests.golden_files",
    "tests.memory",
    "tests.network",
    "tests.profiles",
    "tests.serving",
]


def pytest_configure() -> None:
    """What the shell sets for a connector of its own is left out, here and in every child."""
    for name in [name for name in os.environ if name.startswith("CONNECTOR_")]:
        del os.environ[name]

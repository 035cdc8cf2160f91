"""Where Gatepost is installed for the Python that runs pytest, its fixtures are there by themselves; else name them so."""

pytest_plugins = ("gatepost.testing.plugin",)

"""What a gateway, a domain rule, a listener, a message, a setting *is*.

Pure values: pydantic models and frozen dataclasses, no I/O, no Qt, no database. Validation lives here once and serves
the forms, the control API, the command line and the import alike. Everything may import this package; it imports
nothing of Gatepost's.

Begin with ``configuration.Configuration`` (all that an administrator can set) and ``envelope.Envelope`` (what a
message carries besides its content).
"""

import sys
from types import ModuleType


def _without_plugins() -> None:
    """WORKAROUND: pydantic 2.x. Asking for plugins of other packages loads importlib.metadata and zipfile (a megabyte),
    even where plugins are switched off; and what validates our configuration shall not depend on what else is installed."""
    name = "pydantic.plugin._loader"
    if "pydantic" not in sys.modules and name not in sys.modules:
        stub = ModuleType(name)
        stub.__dict__["get_plugins"] = tuple
        sys.modules[name] = stub


_without_plugins()

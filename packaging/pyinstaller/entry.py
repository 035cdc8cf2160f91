"""Where both programs of a bundle begin. Which one it is shows in what was put into it: the relay's has no window."""

import os
import sys

# The bundle's libraries are ours alone: a browser or systemctl that we start must find its own. By now the loader has read it.
if sys.platform.startswith("linux"):
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before

from gatepost.__main__ import main

sys.exit(main())

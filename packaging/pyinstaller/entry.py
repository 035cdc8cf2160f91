"""Where both programs of a bundle begin. Which one it is shows in what was put into it: the relay's has no window."""

import sys

from gatepost.__main__ import main

sys.exit(main())

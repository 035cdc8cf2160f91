"""The commands: ``gatepost <command> …``, clients of the control API and of nothing else.

May import ``gatepost.control.client``, ``gatepost.control.schema`` and ``gatepost.model``. ``main.main`` picks the command
and turns errors into words and exit codes; ``registry`` names the commands and the module of each, which is imported only
when it is called, so that ``gatepost --help`` answers at once. A command's module has ``configure(parser)``, which adds its
options and sets ``run`` to a coroutine function ``(arguments, client, out)``.

Exit codes: 0 done · 1 error · 2 wrong usage · 3 a value was refused · 4 not found · 5 conflict · 6 relay or vault not
available · 7 verification failed. ``gatepost help exit-codes`` says the same. ``service status`` has codes of its own, those of
``systemctl status``.
"""

"""The relay as a service of the system: installed, removed, started and stopped through the system's own manager.

``choose.manager()`` gives the one for this system: ``systemd``, ``launchd`` or ``windows`` (each a module that runs the
manager's own tools and reads what they say). Outcomes and states are the enums of ``values``; what cannot be done is a
GatepostError that names the line to type. ``windows_host`` is the other side on Windows: what a process has to say to the
system that started it as a service. May import ``gatepost.model`` only.
"""

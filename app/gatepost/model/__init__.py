"""What a gateway, a domain rule, a listener, a message, a setting *is*.

Pure values: pydantic models and frozen dataclasses, no I/O, no Qt, no database. Validation lives here once and serves
the forms, the control API, the command line and the import alike. Everything may import this package; it imports
nothing of Gatepost's.

Begin with ``configuration.Configuration`` (all that an administrator can set) and ``envelope.Envelope`` (what a
message carries besides its content).
"""

"""Coming from another mail server: its configuration files read into a proposal.

Pure functions from texts to a ``proposal.Proposal``: what was understood, what is left out and why, and what a person has to
decide, each with its file and line. No file is opened here, no name is looked up and nothing is saved; imports only ``model``.
``applying`` puts the chosen parts of a proposal into a configuration.

Begin with ``propose`` in ``kinds``.
"""

"""What lasts: SQLite through peewee. Configuration, spool and journal, each in a file of its own, and large bodies.

Imports ``model`` only, and is the only package that imports peewee and sqlite3; what leaves it are plain values
(``values``), never rows or models. One writer thread owns the writing connection of each file and commits whatever has
gathered (``writer``); lists and searches run on read-only connections in threads of their own (``readers``).

Begin with ``folder.DataFolder`` (what lies where), ``database`` (how a file is opened, checked and migrated) and
``spool.Spool`` (the promise that ``250`` makes).
"""

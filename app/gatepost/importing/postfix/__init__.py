"""Postfix: ``main.cf`` (or what ``postconf -n`` prints), ``master.cf`` and the text sources of its lookup tables.

``main_cf`` reads and expands parameters as postconf(5) describes them, ``tables`` the tables of postmap(1), ``next_hop`` the
destinations of transport(5). ``outgoing`` and ``incoming`` say what they mean for Gatepost; begin with ``importer``.
"""

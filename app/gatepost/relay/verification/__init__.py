"""Is this recipient real? Sources asked in a chain, and what was learned from them.

- ``smartermail``  a SmarterMail server's web service

Knows nothing of SMTP sessions, routing or delivery; reception asks through what the service hands it.
"""

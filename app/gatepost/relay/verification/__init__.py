"""Is this recipient real? Sources asked in a chain, and what was learned from them.

- ``verifier``  the chain for one inbound gateway; begin here
- ``cache``  verdicts that were fetched, and those remembered for when the primary cannot answer
- ``address_list``, ``call_forward``, ``smartermail_source``  the sources
- ``smartermail``  the client of a SmarterMail server's web service
- ``harvest``  the limit for those who guess addresses

Knows nothing of SMTP sessions, routing or delivery; reception asks through what the service hands it.
"""

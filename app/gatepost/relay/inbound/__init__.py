"""Standing in front of primary mail servers: what inbound gateways need beyond lists, joined from the relay's parts.

- ``inbound``  all of it as the service sees it; begin here
- ``recipients``  what RCPT is answered: the domain, the accept policy, the verification chain, the harvest limit
- ``domains``  whose domain is it, where no list says so (MX records, a SmarterMail server's own list)
- ``asking``  questions to a primary over the delivery's connections
- ``watch``  primaries that do not answer: probed, and their mail released when they do; ETRN
- ``smartermail``  the SmarterMail servers behind gateways: clients, spool counts, the test

Knows reception, routing, delivery and verification, which do not know each other; is known by the service only.
"""

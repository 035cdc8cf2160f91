"""Handing mail to the next hop: connections, transactions, attempts, retries, notifications of failure.

May import ``model``, ``store``, ``vault`` and ``relay.common``; never another part of the relay (``service`` hands it
what it needs). Begin with ``values`` (what a job and its outcome are). Below the queue, from the outside in:

``pool``          connections kept by next hop, with their limits; takes jobs and reports their outcomes
``connector``     name → address → TCP → TLS → sign-in, by aiosmtplib, as one policy for pool and probe alike
``connection``    a signed-in session whose transport was taken over from aiosmtplib
``transaction``   the pipelining sender on that transport: MAIL, RCPT, DATA, content, replies (RFC 5321, RFC 2920)
``probe``         “Verify Connection”: the connector's own stages, shown one by one with advice
"""

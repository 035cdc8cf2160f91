"""Handing mail to the next hop: connections, transactions, attempts, retries, notifications of failure.

May import ``model``, ``store``, ``vault`` and ``relay.common``; never another part of the relay (``service`` hands it
what it needs). Begin with ``values`` (what a job and its outcome are).

What is sent when: ``queue`` (seen from outside), ``dispatch`` and ``ring`` (whose turn), ``attempt`` and ``classify``
(one message's way through its hops), ``ledger``, ``schedule`` and ``dsn`` (what is recorded, retried and told).

How it is sent, from the outside in:

``pool``          connections kept by next hop, with their limits; takes jobs and reports their outcomes
``connector``     name → address (``dial``) → ``tls`` → sign-in (``auth``), by aiosmtplib: one policy for pool and probe
``connection``    a signed-in session whose transport was taken over from aiosmtplib: pulls jobs, keeps deadlines
``transaction``   the protocol core without I/O: MAIL, RCPT, DATA, pipelined (RFC 5321, RFC 2920)
``replies``       bounded reading of replies            ``wire``  content with CRLF and stuffed dots
``probe``         “Verify Connection”: the connector's own stages, shown one by one with advice
"""

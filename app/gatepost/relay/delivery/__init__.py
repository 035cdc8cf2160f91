"""Handing mail to the next hop: connections, transactions, attempts, retries, notifications of failure.

May import ``model``, ``store``, ``vault`` and ``relay.common``; never another part of the relay (``service`` hands it
what it needs). Begin with ``values`` (what a job and its outcome are).

What is sent when: ``queue`` (seen from outside), ``ring`` (whose turn), ``departures`` (how it leaves) and ``dispatch`` (what
happens when it comes back), ``attempt`` and ``classify`` (one message's way through its hops), ``ledger``, ``schedule`` and
``dsn`` (what is recorded, retried and told).

How it is sent, from the outside in:

``pool``          connections kept by next hop, with their limits; takes jobs and reports their outcomes
``hop_queue``     the jobs that wait for one hop, and which connection takes which
``connector``     name → address (``dial``) → ``tls`` → sign-in (``auth``), by aiosmtplib: one policy for pool and probe
``connection``    a signed-in session: pulls jobs, sends them, reports what became of them (``failures``: in words)
``link``          its transport, taken over from aiosmtplib: one outbox, one deadline   ``streaming``  large content
``transaction``   the protocol core without I/O: MAIL, RCPT, DATA, pipelined (RFC 5321, RFC 2920)
``replies``       bounded reading of replies            ``wire``  content with CRLF and stuffed dots
``probe``         “Verify Connection”: the connector's own stages, shown one by one with advice
"""

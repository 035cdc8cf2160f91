"""Handing mail to the next hop: connections, transactions, attempts, retries, notifications of failure.

May import ``model``, ``store``, ``vault`` and ``relay.common``; never another part of the relay (``service`` hands it
what it needs). Begin with ``values`` (what a job and its outcome are). The queue, from the outside in:

``queue``         what the rest of the relay sees: accepted mail in, operations, start and stop
``ring``          whose turn it is: lanes that may start something, that wait for room, that sleep
``dispatch``      what leaves by which hop, what comes back, and where it goes then
``attempt``       one delivery on its way through the hops of its plan
``classify``      what an outcome means for each recipient and for the hop
``ledger``        what is recorded of it, told of it, and owed to the sender (``dsn``); ``recorder`` sees it onto the disk
``schedule``      when it is tried again; ``expiry`` looks after what grows old

Below the queue:

``pool``          connections kept by next hop, with their limits; takes jobs and reports their outcomes
``connector``     name → address → TCP → TLS → sign-in, by aiosmtplib, as one policy for pool and probe alike
``connection``    a signed-in session whose transport was taken over from aiosmtplib
``transaction``   the pipelining sender on that transport: MAIL, RCPT, DATA, content, replies (RFC 5321, RFC 2920)
``probe``         “Verify Connection”: the connector's own stages, shown one by one with advice
"""

"""The relay service: accepts, keeps, routes and delivers mail. Plain asyncio, no Qt.

It owns what lasts: configuration, spool, journal and secrets. May import ``model``, ``store`` and ``vault``. The parts

- ``reception``  listeners, SMTP session, who may send what, reading message data
- ``verification``  is this recipient real
- ``inspection``  spam, viruses, DKIM
- ``routing``  which next hop, and why
- ``delivery``  queue, connections, attempts, DSNs
- ``capture``  the test inbox, faults on purpose

do not import one another; ``service`` puts them together, ``assembly`` hands each its collaborators; ``screening`` does so
for what stands between reception and the spool (``inspecting``, ``signing``, ``quarantine``), ``capturing`` and ``diverting``
for the test inbox. What they share as plain values stands in ``common``. Begin with ``service.RelayService``.
"""

"""The control API: how front-ends speak to a relay. HTTP with JSON, and one WebSocket for events.

Three parts. ``schema`` says what requests and answers look like (imports ``gatepost.model`` only). ``client`` is what the
command line and the desktop app use (imports schema and model). ``server`` is mounted by the relay service (may import
``gatepost.relay``). Begin with ``server.facade.RelayFacade``, all that the server asks of a relay, and ``server.routes``,
the one table of what can be called.
"""

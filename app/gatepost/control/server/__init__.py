"""The server side of the control API.

``application.make_application(facade)`` makes the aiohttp application, ``transport`` opens the Unix socket or named pipe
that it listens on. ``facade.RelayFacade`` is what it needs of the relay; ``routes`` is the declarative table that drives
routing, ``openapi.json`` and the test that every route asks for authorisation (``guard``).
"""

"""The test inbox: mail that is kept in trays instead of being delivered, and faults for testing those who send.

May import ``model``, ``store`` and ``relay.common``; never another part of the relay. At the relay's level ``capturing`` hands
reception what it needs of it, ``diverting`` delivery, and ``capture_desk`` serves people. A listener or an outbound gateway
whose ``handling`` (``model.capture``) is not *deliver* has its mail captured, copied or redirected; mail that was captured
leaves only when a person releases it.

``keeping``    which tray, what is written, what waits for it       ``summary``   what lists and searches show of a message
``parts``      one message taken apart, within bounds               ``retention`` what goes by age and by number
``faults``     which fault is due at which stage

The control API (schema in ``control.capture_schema``; ``id`` is a number that only grows):

===================================================  ===========================================================================
``GET    /v1/captured/trays``                        figures of every tray: ``TrayReport``…
``POST   /v1/captured/list``                         ``CapturedListRequest`` → ``CapturedRow``…; filter.before/after are cursors
``POST   /v1/captured/ids`` · ``/count``             as for the spool, ids also in compact form
``GET    /v1/captured/wait``                         ``?tray=&to=&sender=&subject=&text=&after=&timeout=`` → ``CapturedFound``
``POST   /v1/captured/operate``                      ``OperateCapturedRequest``: release or delete all that match
``POST   /v1/captured/clear``                        ``ClearTrayRequest`` → how many were deleted
``GET    /v1/captured/{id}``                         ``CapturedMessage``: headers, parts, text, html, clean_html, attachments
``GET    /v1/captured/{id}/content``                 the source, ``message/rfc822``
``GET    /v1/captured/{id}/parts/{number}``          one part decoded, as a download
``POST   /v1/captured/{id}/release``                 ``ReleaseCapturedRequest`` → ``ReleasedCaptured``: back into the spool
``DELETE /v1/captured/{id}``                         delete one
``/v1/trays``, ``/v1/faults``, ``/v1/inbox``         configuration: ``Tray``, ``FaultRule`` (collections), ``InboxSettings``
===================================================  ===========================================================================

Events: ``captured.added`` (``id``, ``tray``, ``queue_id``, ``sender``, ``subject``, ``listener``, ``gateway_id``),
``captured.removed`` (``count``, ``tray`` where it is one), ``captured.released`` (``id``, ``queue_id``). The status (its
``RelayReport``) names in ``not_delivering`` every listener and gateway whose mail is not delivered as it is, in ``faults`` the
enabled fault rules, and has a problem of kind ``capture`` or ``faults`` for each.
"""

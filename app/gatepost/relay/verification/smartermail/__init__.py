"""Talking to a SmarterMail server's web service: who lives there, and how full its spool is.

``http`` is the careful transport, ``rest`` and ``soap`` are the two interfaces that versions of SmarterMail speak,
``directory`` is what one domain holds, and ``client`` puts them together: it finds out which interface the server
speaks, keeps the login, and stops asking after the credentials were rejected. Begin with ``client.SmarterMailClient``.

There is no public SmarterMail server to test with: field names follow public clients of both interfaces, and the tests
run against a stand-in that answers with just those fields.
"""

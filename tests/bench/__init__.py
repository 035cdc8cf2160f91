"""Measurements: Gatepost and Debian's Postfix side by side, with Postfix's own load generator and sink.

Begin with ``__main__`` (what is run in which order); ``peers`` starts the two servers, ``measures`` holds one function
for each figure, ``fill`` the test with a million messages, ``report`` the table. Run it with ``make bench``.

Both servers keep their mail on the same disk, flush each message before they answer 250, take mail on a loopback port
and pass it to one smart host, an smtp-sink. Runs are interleaved and the medians compared, because machines are noisy.
"""

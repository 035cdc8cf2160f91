"""Lists over the control API that stay smooth with a million rows.

A list is an array of row ids, sorted and filtered by the relay, and a small cache of the rows that were seen: ``rows`` holds
both as a Qt model, ``ids`` tells two arrays apart, ``columns`` says what a column shows, ``cells`` paints it, ``table`` is the
view: remembered widths, selection and place kept while rows come and go. Begin reading in ``rows``.
"""

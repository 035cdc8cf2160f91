"""The pickup folder: mail that programs put down as files is taken in like a trusted client's.

``letter`` reads the envelope and the content out of a file (pure), ``folder`` is the only one that touches the folder, and
``watch`` looks, takes in and deletes: begin there.

A file is deleted only once its message is committed. What was about to be committed is written down before, so that a
crash in between leads to neither a loss nor, as far as spool or journal know the message, a second copy.

Taken in as from a trusted program on this computer: no password, anywhere; not scored as spam but scanned for viruses and
signed; loops, size and line ends as for every message. Recipients are not verified: nobody waits for the answer.
"""

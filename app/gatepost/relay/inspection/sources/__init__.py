"""Where points come from: one module for each kind of source.

A source is an async callable of the specimen that returns its ``Points``; it may raise ``SourceFailed`` with plain words
or run into the common time limit, and then adds nothing. None of them changes the message.
"""

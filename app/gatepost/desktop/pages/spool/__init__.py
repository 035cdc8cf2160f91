"""The Spool page: mail that waits, why it waits, and what a person can do about it. Begin reading in ``page``."""

from .page import SpoolPage

__all__ = ["SpoolPage"]

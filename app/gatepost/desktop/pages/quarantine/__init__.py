"""The Quarantine page: what inspection held back, why, a preview that loads and runs nothing, release and delete."""

from .page import QuarantinePage

__all__ = ["QuarantinePage"]

"""The Tracking page: one search over everything that Gatepost remembers of its mail, and the story of each message."""

from .page import TrackingPage

__all__ = ["TrackingPage"]

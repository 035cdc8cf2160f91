"""Settings: a list of sections at the left, one of them at the right, and a save bar while it has a draft.

Begin with ``view`` (the page), ``sections`` (the list), then ``section`` (what a section is), ``form_section`` (one form over
a part of the configuration), ``object_section`` (a list of objects with an editor) and ``fields`` (rows bound to a form).
"""

from .view import SettingsPage

__all__ = ["SettingsPage"]

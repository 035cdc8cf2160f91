"""What stands between an object of the configuration and the widgets that show it.

- ``form_model``: FormModel, without Qt: original, draft, what was touched, what is wrong, dirty by value
- ``binders``: Form, which ties dotted paths (``auth.username``) to the fields of cards
- ``saving``: save with the revision it was made for, what to do when somebody else was faster, leaving with a draft
- ``wording``: what the model says of a wrong field, in the person's language

Filling a form never writes; only ``save`` does.
"""

from .binders import Form
from .form_model import FormModel
from .saving import Outcome, save

__all__ = ["Form", "FormModel", "Outcome", "save"]

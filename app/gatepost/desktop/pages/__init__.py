"""The pages of the window: one module or sub-package each, a subclass of ``page.Page``, listed in ``registry``."""

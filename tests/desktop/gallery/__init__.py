"""Every page as a person meets it, with a real relay and sample data behind it.

``sample`` is that relay, ``scenes`` lists what there is to see, ``studio`` opens a window and shows a scene. The gallery test
looks at all of them for what a person would stumble over (``faults``); ``python -m tests.desktop.gallery`` (``make
screenshots``) writes them as pictures.
"""

"""Alarms: trouble is noticed, told once by mail, told again while it lasts, and told when it is over.

``conditions`` says what counts as trouble beyond what the parts report of themselves, ``ledger`` what is to be told when,
``notice`` how the mail reads; all three are pure. ``watch`` looks once in a while and does what they say: begin there.
What it finds is part of the relay's report, so the overview, the desktop's notifications and the mail have one source.
"""

"""Measures the desktop app as people meet it: a real window on a real relay whose spool holds a million rows."""

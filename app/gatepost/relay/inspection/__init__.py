"""Is this message wanted: viruses, and spam as a sum of weights.

``message.Specimen`` is the message as the sources see it; ``sources`` holds one module for each source of points;
``scoring`` adds them up and says the arithmetic; ``virus`` asks clamd; ``disposition`` is what becomes of the message;
``inspector.Inspector`` puts them together within one time limit. A source that fails or is too slow adds nothing and is
shown as failed. Knows nothing of SMTP sessions: reception asks before the final 250 and acts on the disposition.
"""

"""Routing: lanes, turns, rests, caps, mail hosts, plans and explanations."""

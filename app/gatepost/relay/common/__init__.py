"""Small values and tools that the relay's parts share: clock, events, counters, tasks, next hops. No part's logic."""

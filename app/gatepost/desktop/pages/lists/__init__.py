"""What pages with a list share: search and chips, the list with its empty state, live refreshing, timelines, routes."""

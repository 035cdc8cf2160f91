"""Access tokens for gateways that sign in by OAuth 2.0 (RFC 6749, 7523, 7636, 8252).

``tokens.Tokens`` is what delivery asks: it keeps one token for each account, renews it before it ends, one request at a
time, and saves a new refresh token before anything else happens. ``flows`` says what is asked of the provider and what its
answer means, ``authority`` asks, ``faults`` puts refusals into words, ``sign_in`` is a person's way through the browser, and
``doctor`` looks at every step of it. May import ``gatepost.model``, ``gatepost.vault`` and ``relay.common``; no other part
of the relay. Tokens are never logged and leave only towards the provider and the next hop.
"""

"""Which next hop: domains, round robin, direct MX, and the health of gateways. Also answers “explain route”.

May import ``model`` and ``relay.common``; never another part of the relay. Begin with ``router`` (what the queue asks).
Below it, each answering one question:

``lanes``         by which lanes does a message leave, and why
``table``         which lane does mail from this domain to that domain take, by which rule
``outlets``       which gateways of a lane are tried now, in which order
``standings``     how do they stand: what is known of each, and what reports change
``rotation``      whose turn is it (smooth weighted round robin)
``health``        who rests, why, until when (circuit breakers)
``caps``          who has sent its share (per minute, per day)
``mx``            which hosts take a domain's mail (RFC 5321 §5.1, RFC 7505)
``hops``          what connecting to each of them takes
``explain``       all of it in words, without moving anything
``block_listed``  does this reply speak of our address, or of the recipient

The decisions are functions of (configuration, health, clock); only ``mx`` talks to the network.
"""

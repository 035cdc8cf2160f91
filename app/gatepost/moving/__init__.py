"""Moving a relay of a person's into the installed service in one step: configuration, mail, journal, passwords.

Two processes share the work, because neither account reads what is the other's: ``giving`` runs as the person, whose keyring
opens for nobody else; ``receiving`` as root, and writes what belongs to the service. A pipe between them carries files and
passwords (``stream``): a password is on no disk, command line or environment on its way.

Nothing is lost and nothing is sent twice, whenever either half is killed. The old folder stays the relay's until it is renamed,
which is the one step that decides; the new folder is in place before, but no relay starts on it (``marker``) until after.
Whoever calls again finishes what was begun. Puts parts together, as ``process`` does: may import everything but front-ends.
"""

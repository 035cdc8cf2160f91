"""Write the manual page gatepost(1) from the commands that there are.

python packaging/setup/manual.py FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

HEAD = r""".TH GATEPOST 1 "" "Gatepost {version}" "Gatepost"
.SH NAME
gatepost, gatepost\-relay \- mail gateway and its administration
.SH SYNOPSIS
.B gatepost
.RB [ \-\-data
.IR DIR ]
.br
.B gatepost
.RB [ \-\-data
.IR DIR ]
.RB [ \-\-json ]
.I COMMAND
.RI [ ARGUMENT \|.\|.\|.]
.br
.B gatepost\-relay
.RB [ \-\-data
.IR DIR ]
.I COMMAND
.RI [ ARGUMENT \|.\|.\|.]
.SH DESCRIPTION
Gatepost takes mail by SMTP, puts it on the disk before it says yes, and passes it on through the providers and servers that it
is told, with turns, failover and retries. One process, the relay, owns configuration, mail and passwords; the app and the
commands talk to it.
.PP
Without a command
.B gatepost
opens the app where there is a display.
.B gatepost\-relay
knows the same commands and never opens a window; the system's service is
.BR "gatepost\-relay relay" .
.SH OPTIONS
.TP
.BI \-\-data " DIR"
The relay's data folder. Default: $GATEPOST_DATA, else the user's own. The system's service has /var/lib/gatepost.
.TP
.BI \-\-relay " NAME"
Another relay: \(lqservice\(rq for the one that is installed as the system's service, or a name of
.BR "gatepost relay\-list" .
.TP
.B \-\-json
Answer in JSON, for programs.
.TP
.B \-\-version
The version.
.TP
.B \-\-help
Help; after a command, on that command.
.SH COMMANDS
"""

TAIL = r""".SH FILES
.TP
.I /var/lib/gatepost
Mail, configuration and sealed passwords of the system's service.
.TP
.I /etc/credstore.encrypted/gatepost\-vault\-key
The key of those passwords, encrypted by systemd for this machine.
.TP
.I /etc/gatepost/vault.key
That key where systemd cannot encrypt it; only the user gatepost may read it.
.SH ENVIRONMENT
.TP
.B GATEPOST_DATA
The data folder when
.B \-\-data
is not given.
.SH SEE ALSO
.BR systemctl (1),
.BR systemd\-creds (1)
"""


def escaped(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-").replace("…", r"\|.\|.\|.")


def manual() -> str:
    sys.path.insert(0, str(ROOT / "app"))
    from gatepost import __version__
    from gatepost.cli.exit_codes import WORDS
    from gatepost.cli.registry import COMMANDS

    commands = "".join(f".TP\n.B {escaped(command.name)}\n{escaped(command.summary)}\n" for command in COMMANDS)
    codes = "".join(f".TP\n.B {int(code)}\n{escaped(words)}\n" for code, words in WORDS.items())
    return HEAD.replace("{version}", __version__) + commands + ".SH EXIT STATUS\n" + codes + TAIL


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(manual(), encoding="utf-8")

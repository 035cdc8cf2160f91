#!/bin/sh
# Install Debian packages, as root: no questions, nothing already installed is removed, no daemon is started.
# Usage: install-packages.sh PACKAGE…
set -eu
export DEBIAN_FRONTEND=noninteractive

# Packages that bring a service ask policy-rc.d whether to start it. Here they bring test tools only.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    # Interrupted, too: left behind, it would keep every daemon of the machine from being started by its package.
    trap 'rm -f "$policy"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

# Without a main.cf Debian's Postfix does not start at the next boot either. A configuration that is there stays.
case " $* " in
*" postfix "*)
    if [ ! -e /etc/postfix/main.cf ] && command -v debconf-set-selections >/dev/null; then
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    fi
    ;;
esac

install() {
    apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends --no-remove "$@" </dev/null
}

if ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 && install "$@"; then
    exit 0
fi
for pause in 2 5 15 0; do
    if apt-get -q -o DPkg::Lock::Timeout=120 update </dev/null && install "$@"; then
        exit 0
    fi
    [ "$pause" = 0 ] || sleep "$pause"
done
echo "apt-get could not install: $*" >&2
exit 1

#!/bin/sh
# What the tests drive beside the project itself. Where it is not to be had it must be there already.
set -e
PATH="$PATH:/usr/sbin:/usr/local/sbin"
packages=""
command -v chromium >/dev/null 2>&1 || packages="chromium fonts-liberation"
command -v mariadbd >/dev/null 2>&1 || packages="$packages mariadb-server-core mariadb-client-core"
[ -n "$packages" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  # shellcheck disable=SC2086 - a list of packages
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $packages
else
  echo "missing, and cannot be installed from here: $packages" >&2
  [ -z "$CI" ]
fi

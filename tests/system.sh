#!/bin/sh
# System packages the tests drive. Where apt is not to be had they must be there already.
set -e
command -v chromium >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends chromium fonts-liberation
else
  echo "chromium is missing and cannot be installed from here" >&2
  [ -z "$CI" ]
fi

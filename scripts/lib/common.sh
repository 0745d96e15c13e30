# Shared by the scripts of this folder: words to the user, Debian packages, the virtual environment. Sourced, never run.
# shellcheck shell=bash

root_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv_dir=$root_dir/.venv
python=$venv_dir/bin/python

say() { printf '%s\n' "$*" >&2; }

# One sentence that says what happened and what to do; nothing is left half-done by those who call it.
fail() {
  say "${0##*/}: $*"
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# Prints those of the named Debian packages that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
  done
}

# ensure_packages LOG PACKAGE…: installs what is missing without starting the packages' own services.
ensure_packages() {
  local log=$1 missing policy=/usr/sbin/policy-rc.d made_policy=
  shift
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null ||
    fail "this machine has no apt-get; install by hand what corresponds to Debian's ${missing% }, then run this again."
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    fail "Debian packages are missing and there is no sudo; run as root: apt-get install ${missing% }"
  say "Installing from Debian: ${missing% }"
  as_root true || fail "this needs root, and $(id -un) may not use sudo here; have somebody run: apt-get install ${missing% }"
  # The programs run under our own supervisor; Debian's services of the same name must not take their ports.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
    made_policy=1
  fi
  local status=0
  # shellcheck disable=SC2086
  { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >>"$log" 2>&1 </dev/null || status=$?
  [ -z "$made_policy" ] || as_root rm -f "$policy"
  [ "$status" -eq 0 ] || {
    tail -n 4 "$log" >&2
    fail "Debian packages could not be installed (${missing% }); check the network and the package sources, then run this again. Log: $log"
  }
}

ensure_debian() {
  local id
  # shellcheck disable=SC1091
  id=$(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID:-}" "${ID_LIKE:-}")
  case $id in
    *debian* | *ubuntu*) ;;
    *) fail "this machine is not Debian or Ubuntu ($id); on others install python 3.11+, redis-server and run production's images instead." ;;
  esac
}

# Packages for a python3 that can make virtual environments; empty where there is one.
missing_python() {
  command -v python3 >/dev/null || { echo python3 python3-venv; return; }
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

# ensure_python LOG [PACKAGE…]: a python3 of 3.11 or newer that can make virtual environments, and the packages beside it.
ensure_python() {
  local log=$1 python_packages
  shift
  ! command -v python3 >/dev/null || require_python
  read -ra python_packages <<<"$(missing_python)"
  ensure_packages "$log" "${python_packages[@]}" "$@"
  require_python
}

require_python() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "python3 is $(python3 -c 'import platform; print(platform.python_version())'), 3.11 or newer is needed: Debian 12, Ubuntu 24.04 and later have it."
}

# A fingerprint of what the environment was made from: the requirement file and the interpreter.
fingerprint() { { sha256sum <"$root_dir/requirements/$1.txt" && python3 -V; } | sha256sum | cut -c1-32; }

# ensure_venv PROFILE LOG: .venv holds exactly hashed packages of requirements/PROFILE.txt (runtime or dev; dev contains runtime).
ensure_venv() {
  local profile=$1 log=$2 stamp=$venv_dir/.made-from have wanted
  wanted="$profile $(fingerprint "$profile")"
  have=$(cat "$stamp" 2>/dev/null || true)
  [ "$have" != "$wanted" ] || return 0
  [ "$profile" != runtime ] || [ "$have" != "dev $(fingerprint dev)" ] || return 0
  say "Installing the Python packages of requirements/$profile.txt into .venv"
  [ -x "$python" ] && "$python" -c '' 2>/dev/null || python3 -m venv --clear "$venv_dir" >>"$log" 2>&1 ||
    fail "the virtual environment $venv_dir could not be made; see $log"
  rm -f "$stamp"
  install_packages "$root_dir/requirements/$profile.txt" >>"$log" 2>&1 || {
    tail -n 4 "$log" >&2
    fail "the Python packages could not be installed; check the network and the free disk space, then run this again. Log: $log"
  }
  printf '%s' "$wanted" >"$stamp"
}

# uv does in seconds what takes pip a minute; it does not read pip's configuration, so it is told.
install_packages() {
  local uv
  uv=$(find_uv) || true
  if [ -n "$uv" ]; then
    local index links
    index=$(pip_setting index-url)
    links=$(pip_setting find-links)
    env ${index:+UV_DEFAULT_INDEX="$index"} ${links:+UV_FIND_LINKS="$links"} UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" \
      "$uv" pip install --quiet --python "$python" --require-hashes -r "$1" && return 0
    echo "uv did not succeed; trying pip"
  fi
  "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip -q
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
}

find_uv() {
  [ -x "$venv_dir/bin/uv" ] || ! command -v uv || return 0
  [ -x "$venv_dir/bin/uv" ] ||
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$root_dir/requirements/bootstrap.txt" >&2
  printf '%s\n' "$venv_dir/bin/uv"
}

# pip_setting NAME: what pip is configured with, from its files or the environment; empty when nothing is.
pip_setting() {
  { "$python" -m pip config list 2>/dev/null || python3 -m pip config list 2>/dev/null || true; } |
    sed -nE "s/^[^=]*\.$1='(.*)'\$/\1/p" | tail -n 1
}

# ensure_space MEGABYTES: enough room where the checkout stands.
ensure_space() {
  local free
  free=$(df -Pm "$root_dir" | awk 'NR == 2 {print $4}')
  [ "$free" -ge "$1" ] || fail "only $free MB are free on the disk of $root_dir and $1 MB are needed; make room, then run this again. Nothing was changed."
}

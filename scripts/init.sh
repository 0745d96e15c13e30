#!/usr/bin/env bash
# Makes a stack of containers from four answers, and starts it; run it again at any time, it keeps what is there.
#   --domain --email --dns-provider --object-store   the answers; else STACK_DOMAIN …, else compose/.env, else they are asked
#   --engine frappe --app APP=URL@BRANCH …           Frappe with ERPNext instead of Tryton, in a new stack
#   --help                                            everything else
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

case ${1:-} in
  --help | -h) [ -x "$python" ] && exec "$python" -m scripts.stack --help; sed -n '2,5s/^# //p' "$0"; exit 0 ;;
esac
# Secrets belong to the users of the containers that read them, and only root gives files away.
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "this needs root: it gives each secret to the user of the one container that reads it."
  exec sudo --preserve-env "$0" "$@"
fi
mkdir -p var/log
log=$root_dir/var/log/install.log
command -v docker >/dev/null || fail "there is no docker here; install it (Debian: apt-get install docker.io), then run this again."
ensure_python "$log"
ensure_venv runtime "$log"
# Branches of Frappe's apps are asked what they are now.
case " $* ${STACK_ENGINE:-} " in *frappe*) ensure_packages "$log" git ;; esac
# Debian 12 has an engine, but no compose that knows our files.
"$python" -c 'import sys; from scripts.stack.compose import find_compose; sys.exit(find_compose() is None)' || {
  say "Installing docker compose from requirements/compose.txt into .venv"
  install_packages "$root_dir/requirements/compose.txt" >>"$log" 2>&1 ||
    fail "docker compose could not be installed; log: $log"
}
exec "$python" -m scripts.stack "$@"

#!/usr/bin/env bash
# Makes the data folder once, then runs MariaDB for the databases of tenants: reached by its socket and by nothing else.
#   /run/secrets/tenants_mariadb_password   of press, who makes databases and users; with another one in it, he has that after the next start
# Who somebody is says his password, never his uid: programs of tenants reach the socket, too.
set -euo pipefail

data=/var/lib/tenants/data
fresh=/var/lib/tenants/fresh
own=/run/mariadb

password=$(cat /run/secrets/tenants_mariadb_password)
# What stands between quotes in SQL must not end them.
[[ $password =~ ^[A-Za-z0-9_-]{12,}$ ]] ||
  { echo "mariadb: tenants_mariadb_password holds no password of at least 12 letters, digits, - or _; nothing was started." >&2; exit 1; }

if [ ! -d "$data" ]; then
  # Beside its place and moved there when it is whole: a start that was killed leaves nothing half-made.
  rm -rf "$fresh"
  mariadb-install-db --no-defaults --datadir="$fresh" --skip-test-db --auth-root-authentication-method=socket \
    --auth-root-socket-user="$(id -un)" >/tmp/install.log 2>&1 || { cat /tmp/install.log >&2; exit 1; }
  mv "$fresh" "$data"
fi

umask 077
# Nobody reads or writes files by SQL; large sorts are on disk, not in memory.
mkdir -p "$own/none" /var/lib/tenants/tmp
{
  echo "CREATE USER IF NOT EXISTS 'press'@'localhost' IDENTIFIED BY '$password';"
  echo "ALTER USER 'press'@'localhost' IDENTIFIED BY '$password';"
  echo "GRANT ALL PRIVILEGES ON *.* TO 'press'@'localhost' WITH GRANT OPTION;"
  echo "DROP USER IF EXISTS 'root'@'localhost', '$(id -un)'@'localhost', ''@'localhost', ''@'$(hostname)';"
  # What was slow is kept for a day; the table would grow for ever.
  echo "CREATE DEFINER='press'@'localhost' EVENT IF NOT EXISTS mysql.press_forget_slow ON SCHEDULE EVERY 1 DAY" \
    "STARTS '2026-01-01 03:00:00' DO TRUNCATE TABLE mysql.slow_log;"
} >"$own/accounts.sql"
# For whoever looks whether it answers, from inside.
printf '[client]\nsocket=/run/tenants/socket\nuser=press\npassword=%s\n' "$password" >"$own/client.cnf"

exec mariadbd --defaults-file=/opt/mariadb/tenants.cnf "$@"

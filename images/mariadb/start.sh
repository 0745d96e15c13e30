#!/usr/bin/env bash
# Makes the data folder once, then runs MariaDB with a database and an account for each program that has a password file.
#   /run/secrets/mariadb_<name>_password   the account <name>, which owns the database <name>
# The file decides: with another password in it, the account has that after the next start.
set -euo pipefail

data=/var/lib/mariadb/data
fresh=/var/lib/mariadb/fresh
accounts=/run/mariadb/accounts.sql

if [ ! -d "$data" ]; then
  # Beside its place and moved there when it is whole: a start that was killed leaves nothing half-made.
  rm -rf "$fresh"
  mariadb-install-db --no-defaults --datadir="$fresh" --skip-test-db --auth-root-authentication-method=socket \
    --auth-root-socket-user="$(id -un)" >/tmp/install.log 2>&1 || { cat /tmp/install.log >&2; exit 1; }
  mv "$fresh" "$data"
fi

umask 077
: >"$accounts"
for file in /run/secrets/mariadb_*_password; do
  name=${file##*/mariadb_}
  name=${name%_password}
  password=$(cat "$file")
  # What stands between quotes in SQL must not end them.
  [[ $name =~ ^[a-z]+$ && $password =~ ^[A-Za-z0-9_-]{12,}$ ]] ||
    { echo "mariadb: $file holds no password of at least 12 letters, digits, - or _; nothing was started." >&2; exit 1; }
  {
    echo "CREATE DATABASE IF NOT EXISTS \`$name\`;"
    echo "CREATE USER IF NOT EXISTS '$name'@'%' IDENTIFIED BY '$password';"
    echo "ALTER USER '$name'@'%' IDENTIFIED BY '$password';"
    echo "GRANT ALL PRIVILEGES ON \`$name\`.* TO '$name'@'%';"
  } >>"$accounts"
done

exec mariadbd --defaults-file=/opt/mariadb/server.cnf

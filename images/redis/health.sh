#!/usr/bin/env bash
# Whether this Redis answers whoever knows its password; healthy only when it has loaded its data.
set -euo pipefail
REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /run/secrets/redis_password.conf)
export REDISCLI_AUTH
[ "$(redis-cli -h 127.0.0.1 ping)" = PONG ]

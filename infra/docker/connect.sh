#!/usr/bin/env bash
# Kafka Connect asks for a login, which Java reads from a file: here one that nothing keeps.
set -euo pipefail
umask 077
printf '%s=%s\n' "$REST_USER" "$REST_PASSWORD" > /tmp/logins.properties
printf 'KafkaConnect { %s required file="/tmp/logins.properties"; };\n' \
  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule > /tmp/jaas.conf
exec /docker-entrypoint.sh "$@"

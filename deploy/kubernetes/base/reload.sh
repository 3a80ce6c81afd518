#!/bin/sh
# Runs a server, and sends SIGHUP to it when its certificate changes; nats-server and PostgreSQL then read it again.
#   reload.sh CERTIFICATE COMMAND [ARGUMENT...]
# The key must change before the certificate, or with it, as in a volume of Kubernetes.
set -u
certificate=$1
shift

"$@" &
server=$!
trap 'kill -TERM "$server"' TERM
trap 'kill -INT "$server"' INT

watch() {
  seen=$(cksum <"$certificate")
  while sleep 10; do
    now=$(cksum <"$certificate") || continue
    if [ "$now" != "$seen" ]; then
      seen=$now
      echo "reload.sh: $certificate has changed" >&2
      kill -HUP "$server" || return
    fi
  done
}
watch &
watcher=$!

wait "$server"
status=$?
# A signal ended the wait, and not the server.
while kill -0 "$server" 2>/dev/null; do
  wait "$server"
  status=$?
done
kill "$watcher"
exit "$status"

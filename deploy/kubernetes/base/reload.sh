#!/bin/sh
# Runs a server, and sends SIGHUP to it when a file of a directory changes, such as a certificate: nats-server and PostgreSQL
# then read their files again.
#   reload.sh DIRECTORY COMMAND [ARGUMENT...]
# A server that reads a key without its certificate keeps the earlier pair; the certificate is a further change.
set -u
directory=$1
shift

"$@" &
server=$!
trap 'kill -TERM "$server"' TERM
trap 'kill -INT "$server"' INT

sum() {
  cat "$directory"/* | cksum
}

watch() {
  seen=$(sum)
  while sleep 10; do
    now=$(sum)
    if [ "$now" != "$seen" ]; then
      seen=$now
      echo "reload.sh: $directory has changed" >&2
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

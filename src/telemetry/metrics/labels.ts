/** The labels of all metrics, with their meaning. */
export const LABELS = {
  "faas.name": "Display name of the function when this process first saw it",
  "invoked.function.id": "Id of the function; `other` beyond 500 functions",
  "faas.trigger": "What started the invocation: `http`, `timer`, `pubsub` or `other`",
  "invoked.process":
    "Process of the attempt: `root` (fork without the script), `template` (fork of " +
    "the commit's template), `single` (spawned), `reused`, or `none`",
  "invoked.phase":
    "Phase of the attempt, in the order admission, queue, instance, evaluate, run, record",
  "error.type": "Code or reason of docs/errors.md; empty for a success",
  "http.request.method": "Method, or `_OTHER`",
  "http.route": "Template of the path; empty for a path without a route",
  "http.response.status_code": "Status",
  "url.scheme": "`http` or `https`",
  "invoked.delivery.status": "Status of the delivery in the list of deliveries",
  "invoked.mode": "`synchronous` or `asynchronous`",
  "invoked.certificate":
    "`server` (this server), `nats` and `database` (the servers that this process connects to), " +
    "`database_client` (its own for PostgreSQL), `server_ca` (the CA of `--tls-self-signed`), and the files of " +
    "CAs: `nats_ca`, `database_ca`, `otlp_ca`, `oidc_ca`, `egress_ca`",
  "invoked.state": "State that the items have in common",
  "invoked.retention.kind": "Kind of data, as `invoked purge --expired` names it",
  "network.io.direction": "`receive` or `transmit`",
  "db.client.connection.pool.name": "`reads` or `long_reads`",
  "db.client.connection.state": "`idle` or `used`",
  "cpu.mode": "`user` or `system`",
} as const;

export type Label = keyof typeof LABELS;

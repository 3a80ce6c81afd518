/** Waits follow the monotonic clock: an operator, a time server or the host of a virtual machine may set the wall clock. */
import assert from "node:assert/strict";
import { readFiles } from "./support/repository.ts";

/** A folder, what the time in its files is for, and its files that read the wall clock. */
type Readers = readonly [folder: string, purpose: string, ...files: readonly string[]];

/**
 * All readers of the wall clock. Deadlines, ages and pauses of one process use `performance.now`. The wall clock is for
 * times that are stored, shown, or compared with a time that another process, an earlier one or a person wrote.
 */
const READERS: readonly Readers[] = [
  ["src/api/sessions", "the lifetime of cookies, from a stored end", "provider.ts", "sign_in.ts"],
  ["src/cli", "a stored end", "credentials.ts"],
  ["src/cli/local", "times of files, and times of day", "local_triggers.ts", "synced_function.ts"],
  ["src/cli/options", "times that people write", "time.ts"],
  ["src/cli/triggers", "times in examples of requests", "examples.ts"],
  ["src/cluster/dispatch", "the time of a log line", "owner_session.ts"],
  ["src/cluster/link", "what is left until the deadline, on two clocks", "messages.ts"],
  ["src/cluster/objects", "stored times", "bucket.ts", "layout.ts", "upload.ts"],
  [
    ...["src/cluster/objects/s3", "times of S3, and signatures of requests"] as const,
    ...["bucket.ts", "client.ts", "listing.ts", "xml.ts"],
  ],
  [
    ...["src/compose", "the ends of certificates, stored times, and ages of these"] as const,
    ...["certificate_source.ts", "cluster_check.ts", "kubernetes_secrets.ts", "metric_sources.ts"],
    ...["reading.ts", "restore.ts"],
  ],
  [
    ...["src/domain", "ids with their time, retentions, and a stored end"] as const,
    ...["first_start.ts", "housekeeping.ts", "ids.ts"],
  ],
  ["src/domain/alerts", "stored times of alerts and posts", "alerts.ts", "posts.ts", "watch.ts"],
  [
    ...["src/domain/audit", "times of events, retentions, and stored times of exports"] as const,
    ...["audit.ts", "exporter.ts", "exports.ts", "retention.ts"],
  ],
  ["src/domain/commits", "stored times and ends", "commits.ts", "tags.ts", "upload_urls.ts"],
  ["src/domain/destinations", "stored times of deliveries", "outbox.ts"],
  [
    ...["src/domain/functions", "stored times, and ranges of statistics"] as const,
    ...["functions.ts", "statistics.ts", "usage.ts", "waiting_invocations.ts"],
  ],
  [
    ...["src/domain/identity", "stored times and ends, and times in tokens and proofs"] as const,
    ...["access_tokens.ts", "bindings.ts", "clients.ts", "credential_limit.ts"],
    ...["credential_uses.ts", "custom_roles.ts", "device_codes.ts", "device_flow.ts", "dpop.ts"],
    ...["endings.ts", "live_clients.ts", "people.ts", "principal_changes.ts"],
    ...["principal_credentials.ts", "server_keys.ts", "signing_keys.ts"],
  ],
  ["src/domain/identity/federation", "stored times, and tokens", "providers.ts", "trusts.ts"],
  [
    ...["src/domain/identity/grants", "times in tokens"] as const,
    ...["client_credentials.ts", "token_exchange.ts"],
  ],
  ["src/domain/identity/oidc", "the end in a cookie", "transactions.ts"],
  [
    ...[
      "src/domain/invocations",
      "stored times, due times and deadlines that functions see",
    ] as const,
    ...["admission.ts", "attempt.ts", "attempts.ts", "bulk.ts", "cancellation.ts"],
    ...["circuit_breaker.ts", "claims.ts", "delay.ts", "delayed_invocations.ts", "invoke.ts"],
    ...["rate_limit.ts", "record.ts", "recovery.ts"],
  ],
  [
    ...[
      "src/domain/ownership",
      "the difference from the clock of the database, and stored times",
    ] as const,
    ...["leased_node.ts", "only_node.ts"],
  ],
  ["src/domain/purges", "retentions, and stored times", "eraser.ts", "expired.ts", "purges.ts"],
  ["src/domain/scheduling", "stored due times", "scheduler.ts"],
  [
    ...["src/domain/sessions", "stored times and ends of sessions and links"] as const,
    ...["confirmations.ts", "owner_assertion.ts", "provider_sign_in.ts", "session_links.ts"],
    "sessions.ts",
  ],
  ["src/domain/tenants", "stored times, and the times of log lines", "calls.ts", "tenants.ts"],
  [
    ...["src/domain/triggers", "times of schedules, and stored times"] as const,
    ...["endpoints.ts", "handshakes.ts", "schedules.ts", "triggers.ts", "webhook_urls.ts"],
    "writes.ts",
  ],
  ["src/domain/verification", "the stored time of the last verification", "schedule.ts"],
  [
    ...["src/domain/volumes", "stored times, and ages of stored versions"] as const,
    ...["archive.ts", "empty_volume.ts", "file_handles.ts", "files.ts", "path_operations.ts"],
    ...["sweep.ts", "volumes.ts", "write_set.ts"],
  ],
  ["src/http/tls", "the life of certificates", "self_signed.ts", "source.ts"],
  ["src/sandbox/instance", "the times of log lines", "logs.ts"],
  [
    "src/shared",
    "the ends of certificates, and conversion of clocks",
    "certificates.ts",
    "time.ts",
  ],
  ["src/store", "ids from before a time", "statistics.ts"],
  [
    ...["src/store/backup", "stored times, and ages of stored objects"] as const,
    ...["remote_marker.ts", "remote_target.ts", "restored.ts"],
  ],
  ["src/store/blobs", "the times of files, which a read renews", "disk_commit_blobs.ts"],
  ["src/store/postgres", "stored times", "last_writes.ts"],
  ["src/tenants", "times in assertions, and a date of Retry-After", "client_key.ts", "retries.ts"],
  ["src/tenants/recording", "times in requests", "request_fields.ts"],
];

const WALL_CLOCK = /\bDate\.now\b|\bnew Date\(\s*\)/;
/** Names of functions that other code calls, and text for people. */
const STRINGS_AND_COMMENTS = /"[^"\n]*"|\/\*[^]*?\*\/|\/\/.*/g;

Deno.test("deadlines, ages and pauses of a process follow the monotonic clock", async () => {
  const readers = Array.from(
    await readFiles("src"),
    ([path, text]) => WALL_CLOCK.test(text.replace(STRINGS_AND_COMMENTS, "")) ? path : [],
  ).flat();
  const listed = READERS.flatMap(([folder, , ...files]) =>
    files.map((file) => `${folder}/${file}`)
  );
  assert.deepEqual(readers.toSorted(), listed.toSorted());
});

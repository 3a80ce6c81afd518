/** `docs/triggers.md`: schedules and webhooks, in Markdown, with a row for each method of webhooks. */
import { formatBytes } from "../src/config/mod.ts";
import {
  DELIVERY_KEPT_MS,
  WEBHOOK_METHODS,
  type WebhookMethodKind,
} from "../src/domain/triggers/settings.ts";
import { WEBHOOK } from "../src/resources/triggers.ts";
import { CHALLENGE_CHARS_MAX } from "../src/domain/triggers/handshakes.ts";
import { TIMESTAMP_TOLERANCE_MS } from "../src/domain/triggers/signatures/verdict.ts";

const MINUTES = TIMESTAMP_TOLERANCE_MS / 60_000;
const DAYS = DELIVERY_KEPT_MS / 86_400_000;

/** What a method checks, where the id of its event is, and what a repeat is answered. */
const METHODS: Readonly<
  Record<WebhookMethodKind, readonly [proof: string, id: string, repeat: number]>
> = {
  hmac: [
    "C1's `Webhook-Signature`: base64url of the HMAC-SHA256 of `timestamp.id.body`, with the secret as it is shown",
    "`Webhook-Event-Id`, a UUID v4",
    409,
  ],
  jwt: [
    "C1's token (RS256, ES256, EdDSA) by the keys at `jwksUrl`: `sub` is the server, `aud` the listener, `htm` is POST, `htb_s256` is the digest of the body, `exp` is at most 10 minutes ahead",
    "`jti`",
    409,
  ],
  capabilityUrl: ["the token at the end of the URL", "`Webhook-Event-Id`, if given", 409],
  standardWebhooks: [
    "`webhook-signature` of Standard Webhooks, or Svix's `svix-signature`, `v1`",
    "`webhook-id` or `svix-id`",
    200,
  ],
  github: ["`X-Hub-Signature-256`; it has no timestamp", "`X-GitHub-Delivery`", 200],
  stripe: ["`Stripe-Signature`, `v1`", "`id` of the body", 200],
  slack: ["`X-Slack-Signature`", "`event_id` of the body", 200],
  discord: ["`X-Signature-Ed25519`, by `publicKey`", "`id` of the body", 200],
  header: [
    "the HMAC-SHA256 of the body in the header `name`, after `prefix`, as `encoding` says; with `SIGNATURE_ENCODING_PLAIN` the secret itself",
    "`eventIdHeader`",
    200,
  ],
};

const PAGE = `<!-- deno-fmt-ignore-file -->
<!-- Generated from the methods of webhooks by \`deno task docs\`; do not edit. -->

# Triggers

A trigger starts a function: a schedule, a webhook or an endpoint. The trigger belongs to a function, runs its
published commit, and uses its roles. Each invocation records its trigger.

Schedules start asynchronous invocations, as do webhooks unless the function itself answers the sender. These
invocations have three attempts unless the function has a \`retryPolicy\`.

\`\`\`sh
invoked trigger create hello daily --cron "0 9 * * 1-5" --timezone Europe/Berlin
invoked trigger create hello github --webhook github
invoked trigger list hello
\`\`\`

A deploy creates and updates the triggers in \`invoked.json\`. Other triggers are kept, unless
\`invoked deploy --prune\` deletes them. \`--prune\` can also replace a trigger by one of another kind. The file
never contains secrets:

\`\`\`json
{
  "name": "hello",
  "triggers": {
    "daily": { "schedule": { "cronSpec": "0 9 * * 1-5", "timezone": "Europe/Berlin" } },
    "github": { "webhook": { "github": {} } }
  }
}
\`\`\`

\`invoked.Trigger\` in \`/openapi.json\` describes the fields, and \`paused\` is allowed as well. An update replaces
\`cors\` and the method of a webhook as a whole. A deploy changes all triggers or none: if the server rejects one
trigger, it deploys nothing. A deploy warns if \`main.ts\` lacks the handler that a trigger calls. A
function with triggers cannot be deleted.

## Schedules

- \`cronSpec\` has five fields, without seconds, or a name such as \`@hourly\`. \`at\` is a single time. The default
  \`timezone\` is UTC.
- Each scheduled time starts exactly one invocation, on any number of servers and despite crashes.
- When clocks change, a cron expression with a wildcard runs in every real hour. An expression without a wildcard runs
  once a day: in the first of two repeated hours, and right after a skipped hour.
- \`catchUp\` applies to times that passed more than a minute ago while no server ran. \`CATCH_UP_NONE\`
  skips these times, \`CATCH_UP_LAST\` runs the last time, and \`CATCH_UP_ALL\` runs all, up to \`--max-catch-up\`.
- \`overlap\` applies when the previous run has not ended. \`OVERLAP_ALLOW\` runs both,
  \`OVERLAP_SKIP\` skips the new run, and \`OVERLAP_QUEUE\` delays the new run until the previous run has ended, even
  across restarts.
- Skipped runs are recorded as invocations with a \`skipReason\`. A paused schedule records nothing. Pausing, deleting
  or changing a schedule also skips a run that is still queued.
- \`invoked trigger run\` starts an invocation immediately.

## Webhooks

A webhook receives deliveries at \`POST /api/v1/webhooks/incoming/{listenerId}\`, and authenticates the sender by
one method:

| Method | Proof of the sender | Id of the event | Status of a repeat |
| --- | --- | --- | --- |
METHODS

- A signed timestamp can differ by ${MINUTES} minutes. An event that is repeated within ${DAYS} days starts no second
  invocation, even if the first invocation failed. Deliveries without an id are always new.
- The server returns \`{}\` once the invocation is on disk. With \`WEBHOOK_RESPONSE_FUNCTION\`, it returns the
  function's result: \`{status, headers, body}\`, or any other object as JSON. After \`--webhook-timeout\`, the server
  cancels the invocation and returns 504.
- The server answers Slack's challenge and Discord's pings without an invocation.
- After authentication, the server rejects an incomplete body, or a body that does not match its \`Content-Type\`,
  with 400. If a compressed body or a charset other than UTF-8 cannot be parsed, the input has no \`payload\`.
- \`maxBytes\` limits the body, by default ${formatBytes(WEBHOOK.maxBytes.unset.value)} and at most
  \`--max-webhook\`. \`allowSourceCidrs\` limits the addresses of senders.
- Every authentication failure returns the same 401. \`invoked trigger deliveries\` shows the reason of the first ten
  failures per minute. \`--webhook-rate\` limits each address before authentication, and each webhook afterwards.
- The invocation continues the [trace](traces.md#propagation) that the sender names in \`traceparent\`.
- Methods other than \`POST\` return 405, whether or not the webhook exists, except for a
  [handshake](#handshakes).
- \`invoked trigger rotate-secret\` replaces a secret; the server accepts the old secret for some time.
- \`invoked trigger test\` sends a signed example, also to the server of \`invoked dev\`.

The function receives this input. \`payload\` is the parsed JSON or form, with \`name\`, \`type\` and
\`size\` of files. \`body\` contains the exact bytes in base64:

\`\`\`json
{
  "payload": { "ref": "refs/heads/main" },
  "body": "eyJyZWYiOiAicmVmcy9oZWFkcy9tYWluIn0=",
  "contentType": "application/json",
  "headers": { "x-github-event": "push" },
  "query": {},
  "event": { "id": "72d3162e", "time": "2026-01-31T12:00:00.000Z", "source": "github" }
}
\`\`\`

The server removes cookies, and tokens that it has checked or issued.

### Senders without a method of their own

| Sender | Settings of the webhook |
| --- | --- |
| Clerk, Resend and other customers of Svix | \`standardWebhooks\` |
| GitLab | \`header\` with the name \`X-Gitlab-Token\` and \`SIGNATURE_ENCODING_PLAIN\` |
| Telegram | \`header\` with the name \`X-Telegram-Bot-Api-Secret-Token\` and \`SIGNATURE_ENCODING_PLAIN\` |
| Meta | \`header\` with the name \`X-Hub-Signature-256\`, the prefix \`sha256=\` and the app secret, and \`WEBHOOK_HANDSHAKE_META\` |
| Dropbox | \`header\` with the name \`X-Dropbox-Signature\`, and \`WEBHOOK_HANDSHAKE_DROPBOX\` |
| Trello, Mailchimp | \`capabilityUrl\` and \`WEBHOOK_HANDSHAKE_PING\` |

\`\`\`sh
invoked trigger create hello gitlab --webhook header --signature-header X-Gitlab-Token --signature-encoding plain
invoked trigger create hello meta --webhook header --signature-header X-Hub-Signature-256 --signature-prefix sha256= --secret --handshake meta
\`\`\`

- The server uses the first complete set of \`webhook-*\` or \`svix-*\` headers, and never mixes both sets.
- \`SIGNATURE_ENCODING_PLAIN\` compares the header with the secret in constant time. The header signs neither
  body nor time, so anyone who has seen one delivery can forge another. Prefer a signature if the
  sender supports one. Changing \`encoding\` to or from \`SIGNATURE_ENCODING_PLAIN\` replaces the secret.

### Handshakes

Some senders check a URL by GET or HEAD before they deliver. A webhook with a \`handshake\` answers these
requests, even while the trigger is paused, and starts no invocation.

| \`handshake\` | Request | Response |
| --- | --- | --- |
| \`WEBHOOK_HANDSHAKE_META\` | \`hub.mode=subscribe\` and the right \`hub.verify_token\` | \`hub.challenge\` as plain text |
| \`WEBHOOK_HANDSHAKE_DROPBOX\` | \`challenge\` | the challenge as plain text |
| \`WEBHOOK_HANDSHAKE_PING\` | any | 200 without a body |

- \`WEBHOOK_HANDSHAKE_META\` needs a \`verifyToken\`, which the server seals and never returns.
  \`invoked trigger create\` and \`invoked deploy\` generate the token and print it once, so that you can enter it
  at Meta. \`invoked trigger update --verify-token\` replaces the token.
- A challenge has at most ${CHALLENGE_CHARS_MAX} letters, digits and characters of \`-._~+/=\`.
- A webhook with \`capabilityUrl\` answers only at the URL with its token. \`allowSourceCidrs\` and
  \`--webhook-rate\` apply.
- Any other request returns 405, as if the webhook did not exist. \`invoked trigger deliveries\` shows the
  reason. With \`WEBHOOK_HANDSHAKE_DROPBOX\` and \`WEBHOOK_HANDSHAKE_PING\`, anyone who knows the URL can
  discover that the webhook exists.

## Retries, destinations and limits

The settings of the function apply to all its asynchronous invocations:

\`\`\`json
{
  "name": "orders",
  "retryPolicy": { "maxAttempts": 5, "initialBackoff": "2s", "retryOn": ["UNCAUGHT", "TIMEOUT"] },
  "onFailure": { "functionId": "FUNCTION_ID" },
  "concurrencyKey": "/payload/customer",
  "maxConcurrencyPerKey": 2,
  "rateLimit": { "calls": 100, "period": "1m" }
}
\`\`\`

- An invocation that throws has up to five attempts, after random waits of up to 2, 4, 8 and 16 seconds. Then the
  invocation becomes a dead letter, and the server calls \`FUNCTION_ID\` with its result.
- Two invocations for the same \`customer\` run at a time, and at most 100 attempts start in any minute. Other
  invocations wait, and \`invoked show\` prints the reason.
- \`"debounce": { "key": "/payload/order", "delay": "10s" }\` starts only the last invocation of a burst.
- \`"circuitBreakerMax": 1000\` pauses the function after 1,000 runs within an hour.

Replay or drop dead letters:

\`\`\`sh
invoked dead-letters list orders
invoked dead-letters show ID
invoked dead-letters replay ID
\`\`\`

A destination can also be a URL. Its secret does not belong in the file:

\`\`\`sh
invoked settings set orders 'onFailure={"url": "https://ops.example.com/failed", "secret": "whsec_..."}'
\`\`\`

[api.md](api.md#attempts-and-dead-letters) describes the fields, and the effect of each setting on waiting invocations.

## Rate limit

\`rateLimit\` counts the start of every attempt: new invocations, retries, replays, and repeated attempts after a
crash. Test runs do not count.

- Every window of length \`period\` contains at most \`calls\` starts. The limit applies across restarts, and across all
  API nodes and workers, by the clock of the database.
- A function has \`calls\` start permits. An invocation takes a permit before it waits for a slot, and returns
  the permit one \`period\` after its start. Invocations that receive slots late therefore do not start in a burst.
- Asynchronous invocations without a permit wait in order and take no slot. \`notBefore\` estimates their start. An
  invocation that ends before it starts, for example because it was cancelled, returns its permit at once.
- A synchronous invocation fails with 429 \`RATE_LIMITED\` and \`Retry-After\` if no permit is free, or if
  asynchronous invocations are waiting. An accepted invocation keeps its permit while it waits for a slot.
- A changed limit applies to waiting invocations at once. A synchronous invocation that no longer has a permit when it
  receives a slot ends as \`CANCELLED:\`, and its caller receives 429.
- A new limit does not count earlier starts. If you lengthen \`period\`, only starts within the earlier
  \`period\` count.
`;

/** The page. */
export function renderTriggersPage(): string {
  const rows = WEBHOOK_METHODS.map((method) => {
    const [proof, id, repeat] = METHODS[method];
    return `| \`${method}\` | ${proof} | ${id} | ${repeat} |`;
  });
  return PAGE.replace("METHODS", rows.join("\n"));
}

/** `docs/triggers.md`: schedules and webhooks, in Markdown, with a row for each method of webhooks. */
import { formatBytes } from "../src/config/mod.ts";
import {
  DELIVERY_KEPT_MS,
  WEBHOOK_BYTES_DEFAULT,
  WEBHOOK_METHODS,
  type WebhookMethodKind,
} from "../src/domain/triggers/settings.ts";
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

A trigger starts a function: a schedule, a webhook or an endpoint. It belongs to its function, runs
the published commit, and has the rights of the function. Records name the trigger.

Calls of schedules, and of webhooks that do not answer with the function, are asynchronous. They
have three attempts unless the function has a \`retryPolicy\`.

\`\`\`sh
invoked trigger create hello daily --cron "0 9 * * 1-5" --timezone Europe/Berlin
invoked trigger create hello github --webhook github
invoked trigger list hello
\`\`\`

Triggers in \`invoked.json\` are deployed with the code. Those that it does not have stay, unless
\`invoked deploy --prune\` deletes them; so it replaces one of another kind. Secrets are never in
the file:

\`\`\`json
{
  "name": "hello",
  "triggers": {
    "daily": { "schedule": { "cronSpec": "0 9 * * 1-5", "timezone": "Europe/Berlin" } },
    "github": { "webhook": { "github": {} } }
  }
}
\`\`\`

The fields are those of \`invoked.Trigger\` in \`/openapi.json\`, and \`paused\`. An update replaces
\`cors\` and the method of a webhook whole. A deploy changes all triggers or none; a rejected one
deploys nothing. A deploy warns of triggers that call what \`main.ts\` does not export. A
function with triggers cannot be deleted.

## Schedules

- \`cronSpec\` has five fields, or is a name such as \`@hourly\`; \`at\` is one time. Seconds are not
  available. Without \`timezone\` it is UTC.
- Each time starts one call, whichever servers run, and also over crashes.
- A line with a wildcard runs at every real hour. One without runs once a day: at the first of two
  equal hours, and at the first instant after an hour that spring leaves out.
- \`catchUp\` is about times that passed for more than a minute while no server ran. \`CATCH_UP_NONE\`
  skips them, \`CATCH_UP_LAST\` runs the last, \`CATCH_UP_ALL\` runs all, up to \`--max-catch-up\`.
- \`overlap\` is about a time while an earlier run goes on. \`OVERLAP_ALLOW\` runs both,
  \`OVERLAP_SKIP\` skips the later, \`OVERLAP_QUEUE\` waits for the earlier, also over
  restarts.
- Skipped times are invocations with \`skipReason\`. Times that come while a schedule is paused
  leave no record. A time that still waits when its schedule is paused, deleted or gets other times
  is skipped, too.
- \`invoked trigger run\` starts a call now.

## Webhooks

A webhook has a listener, \`POST /api/v1/webhooks/incoming/{listenerId}\`, and one method:

| Method | What proves the sender | Id of the event | A repeat is |
| --- | --- | --- | --- |
METHODS

- A signed timestamp may be ${MINUTES} minutes off. A repeat of an event within ${DAYS} days starts
  nothing, even if the first call failed; without an id each delivery is new.
- The answer is \`{}\`, once the call is on disk. With \`WEBHOOK_RESPONSE_FUNCTION\` it is what the
  function returns: \`{status, headers, body}\`, or any other object as JSON. After
  \`--webhook-timeout\` it is 504, and the call is cancelled.
- Slack's challenge and Discord's pings are answered without a call.
- A body that is not the JSON or the form of its \`Content-Type\`, or only a part of it, gets 400,
  once its sender is authenticated. A compressed body, or one in another charset than UTF-8, has no
  \`payload\` if the server cannot parse it.
- A body may have \`maxBytes\`, by default ${formatBytes(WEBHOOK_BYTES_DEFAULT)}, and at most
  \`--max-webhook\`. \`allowSourceCidrs\` limits the addresses of senders.
- Every authentication failure returns the same 401. The reason is in
  \`invoked trigger deliveries\`, for the first ten in a minute. \`--webhook-rate\` limits addresses
  before, and webhooks after their senders are proved.
- Other methods than \`POST\` get 405, whether the webhook exists or not, except for a
  [handshake](#handshakes).
- \`invoked trigger rotate-secret\` replaces a secret; the old one is accepted for a time.
- \`invoked trigger test\` sends a signed example, also to the server of \`invoked dev\`.

The function gets this input. \`payload\` is the parsed JSON or form, with \`name\`, \`type\` and
\`size\` of files; \`body\` has the exact bytes in base64:

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

Cookies never reach the function. Neither does a token that the server has checked or issued.

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

- Of the headers \`webhook-*\` and \`svix-*\`, the first complete set counts. The server never mixes the
  two.
- \`SIGNATURE_ENCODING_PLAIN\` compares the header with the secret in constant time. It signs neither
  body nor time: anyone who has seen one delivery can forge others. Prefer a signature where the
  sender has one. Changing \`encoding\` to or from \`SIGNATURE_ENCODING_PLAIN\` replaces the secret.

### Handshakes

Some senders check an address by GET or HEAD before they deliver. A webhook answers them where
\`handshake\` is set, also while it is paused. A handshake starts nothing.

| \`handshake\` | Request | Answer |
| --- | --- | --- |
| \`WEBHOOK_HANDSHAKE_META\` | \`hub.mode=subscribe\` and the right \`hub.verify_token\` | \`hub.challenge\` as plain text |
| \`WEBHOOK_HANDSHAKE_DROPBOX\` | \`challenge\` | the challenge as plain text |
| \`WEBHOOK_HANDSHAKE_PING\` | any | 200 without a body |

- \`WEBHOOK_HANDSHAKE_META\` needs \`verifyToken\`, which the server seals and never returns.
  Other handshakes have no token. \`invoked trigger create\` and \`invoked deploy\` make one and print
  it once; you enter it at Meta. \`invoked trigger update --verify-token\` replaces it.
- A challenge has at most ${CHALLENGE_CHARS_MAX} letters, digits and characters of \`-._~+/=\`.
- A webhook with \`capabilityUrl\` answers only at the URL with its token. \`allowSourceCidrs\` and
  \`--webhook-rate\` apply.
- Any other request gets the 405 of an address without a webhook. The reason is in
  \`invoked trigger deliveries\`. With \`WEBHOOK_HANDSHAKE_DROPBOX\` and \`WEBHOOK_HANDSHAKE_PING\`,
  whoever knows the address can find out that it exists.

## Retries, destinations and limits

They are settings of the function, and hold for all of its asynchronous calls:

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

- A call that throws is attempted up to five times, after random waits of up to 2, 4, 8 and 16
  seconds. Then it is parked, and the function \`FUNCTION_ID\` is called with its end.
- Of the calls with one \`customer\`, two run at a time. At most 100 attempts of all calls start in any
  minute. The others wait, and \`invoked show\` says for what.
- \`"debounce": { "key": "/payload/order", "delay": "10s" }\` starts the last of a burst only.
- \`"circuitBreakerMax": 1000\` pauses the function after so many runs in an hour.

What failed for good is run again, or dropped:

\`\`\`sh
invoked dead-letters list orders
invoked dead-letters show ID
invoked dead-letters replay ID
\`\`\`

A destination may be a URL; its secret is no setting of the file:

\`\`\`sh
invoked settings set orders 'onFailure={"url": "https://ops.example.com/failed", "secret": "whsec_..."}'
\`\`\`

[api.md](api.md#attempts-and-dead-letters) has the fields, and what each setting does to calls that
wait.

## Rate limit

\`rateLimit\` counts the start of every attempt: calls of any kind, retries, replays, and calls that
start again after a crash. Test runs do not count.

- No window as long as \`period\`, wherever it begins, contains more than \`calls\` starts. This holds
  over restarts, and over all API nodes and workers by the clock of the database.
- A function has \`calls\` start permits. A call takes a permit before it waits for a slot, and returns
  the permit one \`period\` after its start. So calls that get slots late do not start in a burst.
- Asynchronous calls without a permit wait in a line, first in, first out, and take no slot.
  \`notBefore\` is an estimate of their start. A call that ends before its start, as by a cancel or a crash,
  returns its permit at once.
- A caller that waits gets 429 \`RATE_LIMITED\` with \`Retry-After\` if no permit is free, or if
  asynchronous calls wait for one. An accepted call keeps its permit while it waits for a slot.
- A changed limit holds for waiting calls at once. A call whose caller waits may then have no permit
  when it gets its slot: it ends as \`CANCELLED:\`, and its caller gets 429.
- Starts before a limit was set are not known to it. A longer \`period\` knows the starts within the
  earlier one.
`;

/** The page. */
export function renderTriggersPage(): string {
  const rows = WEBHOOK_METHODS.map((method) => {
    const [proof, id, repeat] = METHODS[method];
    return `| \`${method}\` | ${proof} | ${id} | ${repeat} |`;
  });
  return PAGE.replace("METHODS", rows.join("\n"));
}

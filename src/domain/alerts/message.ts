/**
 * What the server posts: the body of Alertmanager's webhooks, version 4
 * (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), and beside it the field `text`, which chats
 * show.
 */
import { createHash } from "node:crypto";
import type { AlertRow } from "../../store/alerts.ts";
import { conditionOf, runbookOf } from "./conditions.ts";

/** The end of an alert that fires, as Alertmanager writes it: the zero of Go's times. */
const NO_END = "0001-01-01T00:00:00Z";
/** Hexadecimal digits of a fingerprint, and of the id of a post. */
const FINGERPRINT_CHARS = 16;
const ID_CHARS = 32;
/** UTF-16 units of a line of the text. */
const LINE_CHARS_MAX = 300;

/** A post and its id, which is the same if the same alerts are posted again. */
interface AlertMessage {
  readonly id: string;
  readonly body: string;
}

/** What of an alert is posted. */
export type PostedAlert = Pick<
  AlertRow,
  "id" | "name" | "subject" | "labels" | "summary" | "state" | "startsAt" | "endsAt"
>;

/** @param url of the server, without a trailing slash */
export function messageOf(rows: readonly PostedAlert[], url: string): AlertMessage {
  const alerts = rows.map((row) => alertOf(row, url));
  const body = {
    version: "4",
    receiver: "invoked",
    status: alerts.some(({ status }) => status === "firing") ? "firing" : "resolved",
    groupKey: "invoked",
    truncatedAlerts: 0,
    groupLabels: {},
    commonLabels: commonOf(alerts.map(({ labels }) => labels)),
    commonAnnotations: commonOf(alerts.map(({ annotations }) => annotations)),
    externalURL: url,
    alerts,
    text: alerts.map(lineOf).join("\n"),
  };
  return {
    id: digestOf(rows.map(({ id, state }) => `${id} ${state}`).join(), ID_CHARS),
    body: JSON.stringify(body),
  };
}

type Texts = Readonly<Record<string, string>>;

function alertOf(row: PostedAlert, url: string) {
  const condition = conditionOf(row.name);
  const labels: Texts = {
    ...JSON.parse(row.labels),
    alertname: row.name,
    severity: condition?.severity ?? "warning",
  };
  const annotations: Texts = { summary: row.summary, runbook_url: runbookOf(row.name) };
  return {
    status: row.state === "ENDED" ? "resolved" : "firing",
    labels,
    annotations,
    startsAt: row.startsAt,
    endsAt: row.endsAt ?? NO_END,
    generatorURL: url + (condition?.page(row.subject) ?? "/"),
    fingerprint: digestOf(`${row.name} ${row.subject}`, FINGERPRINT_CHARS),
  } as const;
}

/** What all have in common. */
function commonOf([first = {}, ...others]: readonly Texts[]): Texts {
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((one) => one[name] === value)),
  );
}

function lineOf({ status, labels, annotations, generatorURL }: ReturnType<typeof alertOf>): string {
  const head = status === "firing" ? "FIRING" : "RESOLVED";
  const said = `${head} ${labels.alertname}: ${annotations.summary}`;
  return `${plain(said.slice(0, LINE_CHARS_MAX))} ${generatorURL}`;
}

/**
 * A text that chats show as it is: anybody who names functions could otherwise call everybody in a channel. Slack reads
 * `<!channel>`, Mattermost `@channel`, and both read markup.
 */
function plain(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- one line for each alert
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/@/g, "@\u200b");
}

function digestOf(text: string, chars: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, chars);
}

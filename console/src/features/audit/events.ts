/** Events of the audit log, which have the form of OCSF: what a list and a dialog show of one. */

/** An event as the API answers it. */
export type AuditEvent = Readonly<Record<string, unknown>>;

/** What a list shows of an event. */
export interface EventSummary {
  /** `metadata.uid` */
  readonly uid: string;
  /** RFC 3339. */
  readonly time: string | undefined;
  readonly operation: string;
  readonly actor: string;
  readonly actorId: string;
  readonly resource: string;
  readonly hasFailed: boolean;
  /** Whether a later event says how the call ended. */
  readonly isUnknown: boolean;
  /** Why it failed, as a code and in words. */
  readonly code: string;
  readonly detail: string;
  /** Where it came from. */
  readonly source: string;
  /** How many of the same kind the event counts. */
  readonly count: number;
}

const FAILURE = 2;
const UNKNOWN = 0;

export function summaryOf(event: AuditEvent): EventSummary {
  const actor = objectIn(event["actor"]);
  const user = objectIn(event["user"] ?? actor["user"]);
  const source = objectIn(event["src_endpoint"]);
  const time = event["time"];
  return {
    uid: textIn(objectIn(event["metadata"])["uid"]),
    time: typeof time === "number" ? new Date(time).toISOString() : undefined,
    operation: operationOf(event),
    actor: textIn(user["name"]) || textIn(actor["app_name"]),
    actorId: textIn(user["uid"]),
    resource: resourceOf(event["resources"]),
    hasFailed: event["status_id"] === FAILURE,
    isUnknown: event["status_id"] === UNKNOWN,
    code: textIn(event["status_code"]),
    detail: textIn(event["status_detail"]),
    source: textIn(source["ip"]) || textIn(source["svc_name"]),
    count: typeof event["count"] === "number" ? event["count"] : 1,
  };
}

/** Calls name their operation; sign-ins and tokens are authentications. */
function operationOf(event: AuditEvent): string {
  const operation = textIn(objectIn(event["api"])["operation"]);
  return operation === "" ? `authentication.${textIn(event["activity_name"])}` : operation;
}

/** An operation in two words: `UpdateFunction` of `Functions`. */
export function wordsOf(operation: string): { readonly verb: string; readonly service: string } {
  const [service = "", verb = operation] = operation.split(".").slice(-2);
  return { verb, service: service.replace(/Service$/, "") };
}

/** In place of a name, where the server has none. */
const UNNAMED = "not named by id";

/** The first resource, and how many others there are. */
function resourceOf(resources: unknown): string {
  const [first, ...others] = Array.isArray(resources) ? resources.map(objectIn) : [];
  if (first === undefined) return "";
  const name = textIn(first["name"]) || textIn(first["uid"]);
  const text = `${textIn(first["type"])} ${name === UNNAMED ? "" : name}`.trim();
  return others.length === 0 ? text : `${text} and ${others.length} more`;
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
    ? value as Readonly<Record<string, unknown>>
    : {};
}

function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}

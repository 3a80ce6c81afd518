/**
 * Events of the audit log in the form of OCSF 1.3 (https://schema.ocsf.io/1.3.0): API Activity for calls of operations,
 * Authentication for tokens and sessions. Pure functions; a test checks their events against the schema.
 */
import type { AuditedChange } from "../../store/audited_tables.ts";
import { VERSION } from "../../shared/installation.ts";
import type { AuditEntry } from "../../store/audit.ts";

const OCSF_VERSION = "1.3.0";
const API_ACTIVITY = { category_uid: 6, class_uid: 6003 } as const;
const AUTHENTICATION = { category_uid: 3, class_uid: 3002 } as const;
const PRODUCT = { name: "invoked", vendor_name: "invoked", version: VERSION } as const;

/** Resources that one event names; `unmapped.resources_left_out` counts the rest. */
const RESOURCES_MAX = 100;
/** Texts of callers in events are cut off here. */
const TEXT_CHARS_MAX = 256;
const DETAIL_CHARS_MAX = 512;
/** Entries of one list in an event. */
const ENTRIES_MAX = 100;
// deno-lint-ignore no-control-regex -- PostgreSQL takes no NUL, and a terminal shows the others
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** `activity_id` of API Activity. */
const ACTIVITIES = { create: 1, read: 2, update: 3, delete: 4, other: 99 } as const;
export type Activity = keyof typeof ACTIVITIES;

const INFORMATIONAL = 1;
const LOW = 2;
const SUCCESS = { status_id: 1, status: "Success" } as const;
const FAILURE = { status_id: 2, status: "Failure" } as const;
const UNKNOWN = { status_id: 0, status: "Unknown" } as const;

/** `user.type_id` by the kind of a principal. */
const USER_TYPES: Readonly<Record<string, { readonly type_id: number; readonly type: string }>> = {
  person: { type_id: 1, type: "User" },
  server: { type_id: 3, type: "System" },
};
const OTHER_USER = 99;

/** Who acts: a principal, as far as the server knows it. */
interface AuditActor {
  readonly id: string;
  readonly displayName: string;
  /** The credential, or the function. */
  readonly clientId: string;
  readonly kind?: string | undefined;
}

/** Where an event comes from. */
export interface AuditSource {
  /** IP address; undefined for a caller without one. */
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
  /** The `Request-Id`. */
  readonly requestId?: string | undefined;
  readonly method?: string | undefined;
  /** The invocation that makes a host call. */
  readonly invocation?: { readonly id: string; readonly functionId: string } | undefined;
  /** What called without a request, such as `command line`. */
  readonly service?: string | undefined;
}

/** A resource that an event names. */
export interface AuditResource {
  readonly type: string;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly change?: AuditedChange["change"] | undefined;
  /** What the resource has from now on, of what a change of it says. */
  readonly facts?: AuditedChange["facts"];
  /** What of it was otherwise. */
  readonly earlier?: AuditedChange["facts"];
}

/** Why something was rejected, or failed. */
interface Rejection {
  /** A stable code, such as the reason of an error. */
  readonly code: string;
  /** For people. It must hold no secret. */
  readonly detail: string;
}

/** A call of an operation: what it changed, why it was rejected, or how far it has come. */
export interface CallEvent {
  readonly kind: "call";
  readonly operation: string;
  readonly activity: Activity;
  readonly actor: AuditActor | undefined;
  readonly resources: readonly AuditResource[];
  readonly rejected?: Rejection | undefined;
  /** Of a call that the server made elsewhere: `"unknown"` before its end, else why it failed; absent for a success. */
  readonly outcome?: "unknown" | Rejection | undefined;
  /** What further facts belong on record, for `unmapped`. No secrets. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  /** How often it happened in a time; once if it is absent. */
  readonly times?: { readonly count: number; readonly from: Date; readonly to: Date } | undefined;
}

/** A sign-in, a sign-out, or a token that was issued, with or without success. */
interface AuthenticationEvent {
  readonly kind: "authentication";
  /** `logon` and `logoff` of sessions; the grant type or another short name for everything else. */
  readonly activity: "logon" | "logoff" | (string & Record<never, never>);
  /** The subject, as far as it is proved: other callers have neither id nor name. */
  readonly user: {
    readonly id?: string | undefined;
    readonly name?: string | undefined;
    /** Of a caller that is not proved, the text that it gave. */
    readonly clientId?: string | undefined;
    readonly kind?: string | undefined;
  };
  readonly sessionId?: string | undefined;
  readonly rejected?: Rejection | undefined;
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
}

export type AuditEvent = CallEvent | AuthenticationEvent;

/** Where and when an event happened. */
interface Occurrence {
  readonly uid: string;
  readonly time: Date;
  readonly source: AuditSource;
}

/** The entry of an event for the audit log. */
export function entryOf(event: AuditEvent, occurrence: Occurrence): AuditEntry {
  return event.kind === "call"
    ? callEntry(event, occurrence)
    : authenticationEntry(event, occurrence);
}

function callEntry(event: CallEvent, { uid, time, source }: Occurrence): AuditEntry {
  const { operation, activity, actor, resources, rejected, outcome, facts, times } = event;
  const named = resources.slice(0, RESOURCES_MAX);
  const leftOut = resources.length - named.length;
  return {
    ...columnsOf(uid, time, operation, actor),
    classUid: API_ACTIVITY.class_uid,
    event: {
      ...base({ ...API_ACTIVITY, activity_id: ACTIVITIES[activity] }, uid, time),
      ...times === undefined ? {} : {
        count: times.count,
        start_time: times.from.getTime(),
        end_time: times.to.getTime(),
      },
      ...outcomeOf(rejected ?? outcome),
      actor: actor === undefined ? { app_name: "anonymous" } : { user: userOf(actor) },
      api: {
        operation,
        ...source.requestId === undefined ? {} : { request: { uid: source.requestId } },
      },
      ...sourceOf(source),
      ...named.length === 0 ? {} : { resources: named.map(resourceOf) },
      unmapped: { ...bounded(facts), ...leftOut === 0 ? {} : { resources_left_out: leftOut } },
    },
  };
}

function authenticationEntry(event: AuthenticationEvent, occurrence: Occurrence): AuditEntry {
  const { activity, user, sessionId, rejected, facts } = event;
  const { uid, time, source } = occurrence;
  const { id = "", name = "unknown", clientId = "", kind } = user;
  const actor = { id, displayName: name, clientId, kind };
  const activityId = activity === "logon" ? 1 : activity === "logoff" ? 2 : ACTIVITIES.other;
  return {
    ...columnsOf(uid, time, `authentication.${cut(activity)}`, actor),
    classUid: AUTHENTICATION.class_uid,
    event: {
      ...base({ ...AUTHENTICATION, activity_id: activityId }, uid, time),
      activity_name: cut(activity),
      ...outcomeOf(rejected),
      user: userOf(actor),
      service: { name: "invoked" },
      ...sessionId === undefined ? {} : { session: { uid: sessionId } },
      ...sourceOf(source),
      unmapped: {
        ...bounded(facts),
        ...source.requestId === undefined ? {} : { request_uid: source.requestId },
      },
    },
  };
}

/** The columns by which events are found. */
function columnsOf(uid: string, time: Date, operation: string, actor: AuditActor | undefined) {
  return {
    uid,
    time: time.toISOString(),
    operation,
    actor: cut(actor?.id ?? ""),
    actorName: cut(actor?.displayName ?? ""),
  };
}

function base(
  of: { readonly category_uid: number; readonly class_uid: number; readonly activity_id: number },
  uid: string,
  time: Date,
) {
  return {
    ...of,
    type_uid: of.class_uid * 100 + of.activity_id,
    time: time.getTime(),
    metadata: { version: OCSF_VERSION, uid, product: PRODUCT },
  };
}

function outcomeOf(outcome: "unknown" | Rejection | undefined) {
  if (outcome === undefined) return { severity_id: INFORMATIONAL, ...SUCCESS };
  if (outcome === "unknown") return { severity_id: INFORMATIONAL, ...UNKNOWN };
  const { code, detail } = outcome;
  return {
    severity_id: LOW,
    ...FAILURE,
    status_code: cut(code),
    status_detail: cut(detail, DETAIL_CHARS_MAX),
  };
}

/** OCSF needs an id or a name. */
function userOf({ id, displayName, clientId, kind = "service" }: AuditActor) {
  return {
    ...id === "" ? {} : { uid: cut(id) },
    name: cut(displayName),
    ...clientId === "" ? {} : { credential_uid: cut(clientId) },
    ...USER_TYPES[kind] ?? { type_id: OTHER_USER, type: kind },
  };
}

function resourceOf({ type, id, name, namespace, change, facts, earlier = {} }: AuditResource) {
  return {
    type,
    ...id === undefined ? {} : { uid: cut(id) },
    ...name === undefined && id !== undefined ? {} : { name: cut(name ?? "not named by id") },
    ...namespace === undefined ? {} : { namespace: cut(namespace) },
    ...change === undefined ? {} : {
      data: {
        change,
        ...bounded(facts),
        ...Object.keys(earlier).length === 0 ? {} : { earlier: bounded(earlier) },
      },
    },
  };
}

/** The methods that OCSF 1.3 knows: it has no PATCH. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);

function sourceOf({ address, userAgent, method, invocation, service }: AuditSource) {
  const request = {
    ...METHODS.has(method ?? "") ? { http_method: method } : {},
    ...userAgent === undefined ? {} : { user_agent: cut(userAgent) },
  };
  return {
    src_endpoint: invocation !== undefined
      ? { svc_name: "function", uid: invocation.functionId, instance_uid: invocation.id }
      : address !== undefined && address !== ""
      ? { ip: cut(address) }
      : { svc_name: service ?? "invoked" },
    ...Object.keys(request).length === 0 ? {} : { http_request: request },
  };
}

/** Facts with all texts and lists in them cut off: some come from strangers, such as the claims of a workload. */
function bounded(facts: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).slice(0, ENTRIES_MAX)
      .map(([name, value]) => [cut(name), boundedValue(value)]),
  );
}

function boundedValue(value: unknown): unknown {
  if (typeof value === "string") return cut(value, DETAIL_CHARS_MAX);
  if (Array.isArray(value)) {
    const left = value.length - ENTRIES_MAX;
    const entries = value.slice(0, ENTRIES_MAX).map(boundedValue);
    return left <= 0 ? entries : [...entries, `and ${left} more`];
  }
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return bounded({ ...value });
}

/** A text that any database stores and any terminal shows, cut off. */
function cut(text: string, charsMax = TEXT_CHARS_MAX): string {
  return text.slice(0, charsMax).toWellFormed().replace(CONTROL, "\ufffd");
}

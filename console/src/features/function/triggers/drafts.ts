/** Forms of triggers: what is typed, and the request that follows. */
import { complete } from "../../../../../src/resources/field.ts";
import {
  CORS,
  HTTP,
  SCHEDULE,
  TRIGGER_SETTINGS,
  WEBHOOK_METHODS,
} from "../../../../../src/resources/triggers.ts";
import type { Trigger } from "../../../api/client.ts";
import { durationIn, durationText, isSame, linesOf, numberIn } from "../typed_values.ts";
import { type Kind, LOCAL_ZONE, META, type Method, methodOf, METHODS } from "./words.ts";

export interface ScheduleDraft {
  readonly repeats: boolean;
  readonly cronSpec: string;
  /** Local time, as the field has it. */
  readonly at: string;
  readonly timezone: string;
  readonly input: string;
  readonly catchUp: string;
  readonly overlap: string;
  /** Local time as the field has it; empty for no start. */
  readonly start: string;
  /** The times before they were edited, which the fields show in whole seconds. */
  readonly stored: { readonly at: string | undefined; readonly start: string | undefined };
}

export interface WebhookDraft {
  readonly method: Method;
  readonly secret: string;
  readonly jwksUrl: string;
  readonly publicKey: string;
  readonly headerName: string;
  readonly headerPrefix: string;
  readonly headerEncoding: string;
  readonly allowSourceCidrs: string;
  readonly maxBytes: string;
  readonly response: string;
  readonly eventIdHeader: string;
  /** Empty for none. */
  readonly handshake: string;
  readonly verifyToken: string;
}

export interface HttpDraft {
  readonly slug: string;
  readonly auth: string;
  readonly secret: string;
  readonly host: string;
  readonly recordBody: boolean;
  readonly hasCors: boolean;
  readonly allowOrigins: string;
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly allowCredentials: boolean;
  readonly maxAge: string;
}

/** What a form has; of the kinds, one counts. */
export interface TriggerDraft extends ScheduleDraft, WebhookDraft, HttpDraft {
  readonly displayName: string;
  readonly vfsId: string;
}

/** What a form begins with: a trigger, or the defaults of a new one. */
export function draftOf(trigger: Trigger | undefined): TriggerDraft {
  return {
    displayName: trigger?.displayName ?? "",
    vfsId: trigger?.vfsId ?? "",
    ...scheduleDraft(trigger?.schedule),
    ...webhookDraft(trigger),
    ...httpDraft(trigger?.http),
  };
}

function scheduleDraft(given: Trigger["schedule"]): ScheduleDraft {
  const { at, start, input, cronSpec = "", ...schedule } = complete(
    SCHEDULE,
    given ?? { timezone: LOCAL_ZONE },
  );
  return {
    ...schedule,
    cronSpec,
    repeats: at === undefined,
    at: localTime(at),
    input: JSON.stringify(input, null, 2),
    start: localTime(start),
    stored: { at, start },
  };
}

function webhookDraft(trigger: Trigger | undefined): WebhookDraft {
  const webhook = complete(TRIGGER_SETTINGS.webhook, trigger?.webhook ?? {});
  const { name = "X-Signature", prefix, encoding } = webhook.header ??
    complete(WEBHOOK_METHODS.header.fields, {});
  return {
    method: trigger?.webhook === undefined ? "github" : methodOf(trigger),
    secret: "",
    jwksUrl: webhook.jwt?.jwksUrl ?? "",
    publicKey: webhook.discord?.publicKey ?? "",
    headerName: name,
    headerPrefix: prefix,
    headerEncoding: encoding,
    allowSourceCidrs: webhook.allowSourceCidrs.join("\n"),
    maxBytes: trigger?.webhook === undefined ? "" : String(webhook.maxBytes),
    response: webhook.response,
    eventIdHeader: webhook.eventIdHeader ?? "",
    handshake: webhook.handshake ?? "",
    verifyToken: "",
  };
}

function httpDraft(http: Trigger["http"]): HttpDraft {
  const cors = complete(CORS.fields, http?.cors ?? {});
  const { host = "", ...settings } = complete(HTTP, http ?? {});
  return {
    ...settings,
    host,
    secret: "",
    hasCors: http?.cors !== undefined,
    allowOrigins: cors.allowOrigins.join("\n"),
    allowMethods: cors.allowMethods.join("\n"),
    allowHeaders: cors.allowHeaders.join("\n"),
    exposeHeaders: cors.exposeHeaders.join("\n"),
    allowCredentials: cors.allowCredentials,
    maxAge: durationText(http?.cors?.maxAge),
  };
}

/** The fields of the trigger that differ between two requests, as an update mask names them. */
export function fieldsBetween(kind: Kind, before: TriggerRequest, after: TriggerRequest): string[] {
  return [
    ...differing(before, after).filter((name) => name !== kind),
    ...differing(before[kind], after[kind]).map((name) => `${kind}.${name}`),
  ];
}

function differing(before: unknown, after: unknown): string[] {
  const [a, b] = [before, after] as Readonly<Record<string, unknown>>[];
  return Object.keys({ ...a, ...b }).filter((name) => !isSame(a?.[name], b?.[name]));
}

type TriggerRequest = Readonly<Record<string, unknown>>;

/** The trigger of a request. Throws `SyntaxError` if the input is not JSON. */
export function requestOf(kind: Kind, draft: TriggerDraft): TriggerRequest {
  const { displayName, vfsId } = draft;
  return { displayName, vfsId, [kind]: settingsOf(kind, draft) };
}

function settingsOf(kind: Kind, draft: TriggerDraft): Readonly<Record<string, unknown>> {
  switch (kind) {
    case "schedule":
      return scheduleOf(draft);
    case "webhook":
      return webhookOf(draft);
    case "http":
      return httpOf(draft);
  }
}

function scheduleOf(draft: ScheduleDraft) {
  const { repeats, cronSpec, at, start, stored, input, timezone, catchUp, overlap } = draft;
  return {
    timezone,
    catchUp,
    overlap,
    ...repeats ? { cronSpec } : { at: timeOf(at, stored.at) },
    ...repeats && start !== "" ? { start: timeOf(start, stored.start) } : {},
    input: input.trim() === "" ? {} : JSON.parse(input) as unknown,
  };
}

function webhookOf(draft: WebhookDraft) {
  const { allowSourceCidrs, maxBytes, response, eventIdHeader, method } = draft;
  const { handshake, verifyToken } = draft;
  return {
    allowSourceCidrs: linesOf(allowSourceCidrs),
    maxBytes: numberIn(maxBytes),
    response,
    ...eventIdHeader.trim() === "" ? {} : { eventIdHeader: eventIdHeader.trim() },
    ...handshake === "" ? {} : { handshake },
    ...handshake === META && verifyToken !== "" ? { verifyToken } : {},
    [method]: methodSettings(draft),
  };
}

function methodSettings(draft: WebhookDraft): Readonly<Record<string, string>> {
  const { method, secret, headerName, headerPrefix, headerEncoding } = draft;
  const hasGiven = secret !== "" &&
    METHODS.some(({ value, hasSecret }) => value === method && hasSecret);
  const given: Readonly<Record<string, string>> = hasGiven ? { secret } : {};
  if (method === "jwt") return { jwksUrl: draft.jwksUrl.trim() };
  if (method === "discord") return { publicKey: draft.publicKey.trim() };
  if (method !== "header") return given;
  return { name: headerName.trim(), prefix: headerPrefix, encoding: headerEncoding, ...given };
}

function httpOf(draft: HttpDraft) {
  const { slug, auth, secret, host, recordBody, hasCors } = draft;
  const cors = {
    allowOrigins: linesOf(draft.allowOrigins),
    allowMethods: linesOf(draft.allowMethods),
    allowHeaders: linesOf(draft.allowHeaders),
    exposeHeaders: linesOf(draft.exposeHeaders),
    allowCredentials: draft.allowCredentials,
    ...draft.maxAge.trim() === "" ? {} : { maxAge: durationIn(draft.maxAge) },
  };
  return {
    slug: slug.trim(),
    auth,
    ...auth === "ENDPOINT_AUTH_SIGNATURE" && secret !== "" ? { secret } : {},
    ...host.trim() === "" ? {} : { host: host.trim() },
    recordBody,
    ...hasCors ? { cors } : {},
  };
}

/** The time of a field. One that cannot be read goes as it was typed, so that the API says what is wrong. */
function timeOf(text: string, stored: string | undefined): string {
  if (text !== "" && text === localTime(stored)) return stored ?? "";
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

/** A time as a field of local times has it, in seconds; empty for none. */
function localTime(stored: string | undefined): string {
  if (stored === undefined) return "";
  const time = new Date(stored);
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

/** What a function gets of a delivery, and what its sender gets of the function. */
import { Buffer } from "node:buffer";
import { MIMEType } from "node:util";
import { formatBytes } from "../../config/mod.ts";
import { HEADER_NAME, HOP_BY_HOP, NO_HEADER_VALUE, OF_SERVER } from "../../shared/http_headers.ts";
import { DomainError } from "../errors.ts";
import type { VerifiedEvent } from "./signatures/verdict.ts";
import type { WebhookMethod } from "./settings.ts";

/** A request to a webhook URL. */
export interface Delivery {
  readonly listenerId: string;
  /** The token in the path; undefined without one. */
  readonly token: string | undefined;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Repeated parameters as lists. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
  readonly remoteAddress: string | undefined;
}

/** What the sender is answered. */
export type DeliveryAnswer =
  /** An invocation was started, or an event repeats an earlier one. */
  | { readonly kind: "accepted" }
  /** As `accepted`, for a sender that expects no body. */
  | { readonly kind: "empty" }
  /** What a sender asks for to see that it is understood; it starts nothing. */
  | { readonly kind: "handshake"; readonly json: unknown }
  | { readonly kind: "function"; readonly answer: FunctionAnswer };

/** An answer that a function returned for a sender. */
export interface FunctionAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The `type` of a ping to the URL of interactions, and to that of webhook events. Of the latter 1 is an event. */
const DISCORD_PING = 1;
const DISCORD_EVENT_PING = 0;

const STATUS_MIN = 200;
const STATUS_MAX = 599;
const HEADERS_MAX = 50;
const HEADER_VALUE_CHARS_MAX = 8_192;
/** Headers that the server sets. */
const isOfServer = (name: string) =>
  HOP_BY_HOP.has(name.toLowerCase()) || OF_SERVER.has(name.toLowerCase()) ||
  name.toLowerCase() === "content-length";
/** A `Content-Type` whose charset is not UTF-8. */
const OTHER_CHARSET = /;\s*charset\s*=\s*"?(?!"?utf-?8\b)/i;
/** Headers that no function gets: cookies of the host of the server, and what belongs to the connection. */
const WITHHELD: ReadonlySet<string> = new Set(["cookie", "proxy-authorization"]);

/**
 * The input of the function.
 * @param payload of {@link payloadOf}
 * @param hasToken whether the header `Authorization` has an access token of this server
 */
export function inputOf(
  { headers, query, body }: Delivery,
  { method, payload, event: { id, time }, hasToken }: {
    readonly method: WebhookMethod;
    readonly payload: unknown;
    readonly event: VerifiedEvent;
    readonly hasToken: boolean;
  },
): Uint8Array {
  const input = {
    ...payload === undefined ? {} : { payload },
    body: Buffer.from(body).toString("base64"),
    contentType: headers["content-type"] ?? "",
    headers: shownHeaders(headers, method, hasToken),
    query,
    event: { ...id === undefined ? {} : { id }, time: time.toISOString(), source: method.kind },
  };
  return Buffer.from(JSON.stringify(input));
}

/** What a handshake of the sender is answered; undefined for anything else. */
export function handshakeOf(
  method: WebhookMethod["kind"],
  body: Uint8Array,
): DeliveryAnswer | undefined {
  if (method !== "slack" && method !== "discord") return undefined;
  const { type, challenge, event } = membersOf(body);
  if (method === "slack") {
    const isChallenge = type === "url_verification" && typeof challenge === "string";
    return isChallenge ? { kind: "handshake", json: { challenge } } : undefined;
  }
  if (event !== undefined) return undefined;
  if (type === DISCORD_EVENT_PING) return { kind: "empty" };
  return type === DISCORD_PING ? { kind: "handshake", json: { type: DISCORD_PING } } : undefined;
}

/** What the sender of an accepted delivery is answered: Discord expects no body for its webhook events. */
export function acceptanceOf(method: WebhookMethod["kind"], body: Uint8Array): DeliveryAnswer {
  const isEventOfDiscord = method === "discord" && membersOf(body).event !== undefined;
  return { kind: isEventOfDiscord ? "empty" : "accepted" };
}

/** What handshakes are known by. */
function membersOf(
  body: Uint8Array,
): { readonly type?: unknown; readonly challenge?: unknown; readonly event?: unknown } {
  const message = jsonOf(body);
  return typeof message === "object" && message !== null ? message : {};
}

/**
 * The answer in the output of a function: `{status, headers, body}` where it has the number of a status, else the output
 * itself. Undefined for one that cannot be sent.
 */
export function functionAnswer(output: Uint8Array): FunctionAnswer | undefined {
  const text = new TextDecoder().decode(output);
  const json = { "Content-Type": "application/json" };
  const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
  const { status, headers = {}, body = "" } = value ?? {};
  if (typeof status !== "number") return { status: STATUS_MIN, headers: json, body: text };
  const isStatus = Number.isInteger(status) && status >= STATUS_MIN && status <= STATUS_MAX;
  if (!isStatus || typeof headers !== "object" || headers === null) return undefined;
  const entries = Object.entries(headers);
  const isSendable = entries.length <= HEADERS_MAX &&
    entries.every(([name, header]) =>
      HEADER_NAME.test(name) && typeof header === "string" &&
      header.length <= HEADER_VALUE_CHARS_MAX && !NO_HEADER_VALUE.test(header)
    );
  if (!isSendable) return undefined;
  const own = entries.filter(([name]) => !isOfServer(name));
  const isText = typeof body === "string";
  return {
    status,
    headers: { ...isText ? { "Content-Type": "text/plain; charset=utf-8" } : json, ...lower(own) },
    body: isText ? body : JSON.stringify(body),
  };
}

/** Names that replace a default have its spelling. */
function lower(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(
    entries.map(([name, value]) =>
      name.toLowerCase() === "content-type" ? ["Content-Type", value] : [name, value]
    ),
  );
}

/**
 * The parsed body; undefined if it is empty, of a type other than JSON and forms, or in a coding that is the function's to
 * decode: compressed, or of another charset than UTF-8.
 * @throws WEBHOOK_INVALID for one that is not whole, or not of the type that its sender says
 */
export async function payloadOf({ body, headers }: Delivery): Promise<unknown> {
  const { "content-type": contentType = "", "content-encoding": coding } = headers;
  if (body.length === 0) return undefined;
  const mediaType = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  const isJson = /^application\/(?:[\w.+-]+\+)?json$/.test(mediaType);
  if (!isJson && mediaType !== "multipart/form-data") {
    return mediaType === "application/x-www-form-urlencoded"
      ? valuesOf(new URLSearchParams(new TextDecoder().decode(body)))
      : undefined;
  }
  const payload = isJson ? jsonOf(body) : await partsOf(body, contentType);
  if (payload !== undefined) return payload;
  if (coding !== undefined || OTHER_CHARSET.test(contentType)) return undefined;
  throw new DomainError(
    "WEBHOOK_INVALID",
    `Webhook rejected: its body of ${formatBytes(body.length)} is not ${
      isJson ? "valid JSON in UTF-8" : "a whole form"
    }, which its Content-Type ${mediaType} requires`,
  );
}

/** What a form says of a file, whose bytes are those of the body. */
interface FileOfForm {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** The fields of a form in parts; undefined for a malformed one, and for one that was cut off. */
async function partsOf(
  body: Uint8Array,
  contentType: string,
): Promise<Record<string, unknown> | undefined> {
  try {
    const boundary = new MIMEType(contentType).params.get("boundary") ?? "";
    // `formData` leaves out a part without its end.
    if (!Buffer.from(body).includes(`--${boundary}--`)) return undefined;
    const headers = { "content-type": contentType };
    const form = await new Response(body as BufferSource, { headers }).formData();
    const described = function* (): Generator<[string, string | FileOfForm]> {
      for (const [field, value] of form) {
        if (typeof value === "string") yield [field, value];
        else yield [field, { name: value.name, type: value.type, size: value.size }];
      }
    };
    return valuesOf(described());
  } catch {
    return undefined;
  }
}

/** The values of a query or a form; those of a repeated name as a list. */
export function valuesOf<Value = string>(
  pairs: Iterable<[string, Value]>,
): Record<string, Value | readonly Value[]> {
  const values = new Map<string, Value[]>();
  for (const [name, value] of pairs) {
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return Object.fromEntries(
    [...values].map(([name, all]) => [name, all.length === 1 ? all[0] as Value : all]),
  );
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** Without credentials that the server has checked or issued, and without cookies of its host. */
function shownHeaders(
  headers: Readonly<Record<string, string>>,
  method: WebhookMethod,
  hasToken: boolean,
): Record<string, string> {
  const isChecked = (name: string) =>
    (method.kind === "jwt" && name === "authorization") ||
    (method.kind === "header" && method.encoding === "SIGNATURE_ENCODING_PLAIN" &&
      name === method.name.toLowerCase());
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) =>
      !WITHHELD.has(name) && !isChecked(name) && !(name === "authorization" && hasToken)
    ),
  );
}

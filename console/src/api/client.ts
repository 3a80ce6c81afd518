/** Requests to the API of the server, the types of their resources, and bytes, which are base64 in their JSON. */
import {
  type AnswerOf,
  httpRequest,
  type Operation,
  type RequestOf,
} from "../../../src/resources/request.ts";
import type { components, operations } from "../../../src/resources/schema.d.ts";

export type Schemas = components["schemas"];
/** The id of an operation, which is the permission to call it. */
export type Permission = keyof operations;

/** The server sends these fields always, though C1's document requires none. */
type With<T, K extends keyof T> = T & { [P in K]-?: NonNullable<T[P]> };

export type Fn = With<
  Schemas["c1.api.functions.v1.Function"],
  "id" | "displayName" | "createdAt"
>;
export type Commit = With<
  Schemas["c1.api.functions.v1.FunctionCommit"],
  "id" | "functionId" | "createdAt"
>;
export type Invocation = With<
  Schemas["c1.api.functions.v1.FunctionInvocation"],
  "id" | "functionId" | "commitId" | "status" | "createdAt"
>;
export type InvocationStatus = Schemas["c1.api.functions.v1.FunctionInvocationStatus"];
export type LogLine = Schemas["invoked.InvocationLog"];
export type LoadReport = Schemas["invoked.LoadReport"];
export type TestResult = Schemas["c1.api.functions.v1.FunctionTestResult"];
export type Trigger = Schemas["invoked.Trigger"];
export type TriggerKind = Schemas["invoked.TriggerKind"];
export type Delivery = Schemas["invoked.Delivery"];
export type DeadLetter = Schemas["invoked.DeadLetter"];
export type Publish = Schemas["invoked.FunctionPublish"];
export type Volume = Schemas["invoked.Volume"];
export type VolumeEntry = Schemas["invoked.VolumeEntry"];
export type VolumeVersion = Schemas["invoked.VolumeVersion"];
export type Role = With<
  Schemas["c1.api.iam.v1.Role"],
  "id" | "displayName" | "name" | "permissions" | "systemBuiltin"
>;
export type ServicePrincipal = With<
  Schemas["c1.api.service_principal.v1.ServicePrincipal"],
  "id" | "displayName" | "disabled" | "roleIds" | "createdAt"
>;
export type Credential = With<
  Schemas["c1.api.service_principal.v1.ServicePrincipalCredential"],
  | "id"
  | "displayName"
  | "clientId"
  | "kind"
  | "scopedRoleIds"
  | "allowSourceCidrs"
  | "disabled"
  | "requireDpop"
  | "createdAt"
>;
export type User = With<
  Schemas["c1.api.user.v1.User"],
  "id" | "displayName" | "email" | "username" | "status" | "roleIds" | "assignedRoleIds"
>;
export type PersonalClient = With<
  Schemas["c1.api.iam.v1.PersonalClient"],
  "id" | "displayName" | "clientId" | "scopedRoles" | "disabled" | "createdAt"
>;
export type Provider = With<
  Schemas["c1.api.workload_federation.v1.WorkloadFederationProvider"],
  | "id"
  | "displayName"
  | "description"
  | "disabled"
  | "issuerUrl"
  | "wellKnownProvider"
  | "createdAt"
>;
export type Trust = With<
  Schemas["c1.api.workload_federation.v1.WorkloadFederationTrust"],
  | "clientId"
  | "servicePrincipalId"
  | "providerId"
  | "displayName"
  | "description"
  | "scopedRoleIds"
  | "allowSourceCidrs"
  | "disabled"
  | "conditionExpression"
  | "passthroughClaims"
  | "createdAt"
>;
export type Tenant = With<
  Schemas["invoked.Tenant"],
  "id" | "name" | "host" | "isExample" | "credentials" | "createdAt"
>;
export type Exporter = With<
  Schemas["c1.api.systemlog.v1.Exporter"],
  "exportId" | "displayName" | "datasource" | "state" | "watermarkEventId" | "createdAt"
>;
export type ServerStatus = Schemas["invoked.Status"];
export type TypeDiagnostic = Schemas["invoked.TypeDiagnostic"];
export type BuildWarning = Schemas["invoked.BuildWarning"];

/** Sent with every request. The header distinguishes it from forms of other pages. */
const CONSOLE_HEADER = { "X-Invoked-Console": "1" };

/** A violation of one field of a request, by its path in the body. */
interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What the API rejected, or why it could not be reached (status 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    /** Stable, such as `COMMIT_NOT_FOUND`; empty if the answer had none. */
    readonly reason: string,
    message: string,
    readonly fields: readonly FieldViolation[] = [],
  ) {
    super(message);
  }
}

type Status = Schemas["google.rpc.Status"];

const expired = new Set<() => void>();

/** Calls `listener` whenever the server does not know the session of a request. */
export function onSessionExpired(listener: () => void): () => void {
  expired.add(listener);
  return () => expired.delete(listener);
}

/** Calls an operation of the server that served this page. Throws `ApiError`. */
export async function call<O extends Operation>(
  operation: O,
  sent: RequestOf<O> & { readonly signal?: AbortSignal | undefined },
): Promise<AnswerOf<O>> {
  const { url, body = null, ...init } = httpRequest<O>(operation, sent);
  const response = await fetchRaw(url, { ...init, body, signal: sent.signal ?? null });
  return await response.json().catch(unreached);
}

/** A raw request to the server with the console's header. Throws `ApiError`. */
export async function fetchRaw(
  path: string,
  init: RequestInit & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const headers = { ...init.headers, ...CONSOLE_HEADER };
  const response = await fetch(path, { ...init, headers, credentials: "same-origin" })
    .catch(unreached);
  if (response.ok) return response;
  throw errorOf(response, await response.json().catch(() => undefined));
}

/** The error of a request without a response. */
function unreached(error: unknown): never {
  if (error instanceof DOMException && error.name === "AbortError") throw error;
  throw new ApiError(0, "", "The server is not reachable; it may be restarting");
}

function errorOf(response: Response, body: unknown): ApiError {
  const status = (body ?? {}) as Partial<Status>;
  const details = Array.isArray(status.details) ? status.details : [];
  const reason = details.map((detail) => detail["reason"])
    .find((value): value is string => typeof value === "string") ?? "";
  const fields = details.flatMap((detail) =>
    Array.isArray(detail["fieldViolations"]) ? detail["fieldViolations"] as FieldViolation[] : []
  );
  if (response.status === 401) { for (const listener of expired) listener(); }
  const message = status.message ?? `The server answered ${response.status}`;
  return new ApiError(response.status, reason, message, fields);
}

/** Base64 of UTF-8 text. */
export function encodeBase64(text: string): string {
  return encodeBytes(new TextEncoder().encode(text));
}

export function encodeBytes(bytes: Uint8Array): string {
  // In pieces: an argument for each byte would exceed the stack.
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}

/** Text of base64; bytes that are no UTF-8 become replacement characters. */
export function decodeBase64(base64: string): string {
  return new TextDecoder().decode(decodeBytes(base64));
}

export function decodeBytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Base64 in the alphabet of URLs, without padding. */
export function toUrlBase64(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

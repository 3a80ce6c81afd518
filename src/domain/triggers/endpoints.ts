import { MAY_INVOKE, type Principal, requirePermission } from "../identity/mod.ts";
import { holderAs, rejectedFor } from "../identity/holders.ts";
import type { Invocations } from "../invocations/invocations.ts";
import type { Invoke } from "../invocations/invoke.ts";
import type { RequestInput } from "../../runtime/wire.ts";
import type { ReceivedTrace } from "../../shared/trace_headers.ts";
import type { Store } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { DomainError } from "../errors.ts";
import type { EndpointAddress } from "./addresses.ts";
import { principalOf } from "./principal.ts";
import type { TriggerSecrets } from "./secrets.ts";
import { type HttpSettings, settingsOf } from "./settings.ts";
import { verifyStandardWebhook } from "./signatures/standard_webhooks.ts";
import { BodyHead } from "../endpoints/body_head.ts";
import type { Header, HttpClient } from "../endpoints/client.ts";
import { NOT_RUN } from "../endpoints/ends.ts";
import { type EndpointLimits, HttpRequest } from "../endpoints/http_request.ts";
import { Streams } from "../endpoints/streams.ts";

/** A request to a function, as the function gets it. */
export interface EndpointRequest extends RequestInput {
  /** As recorded, without the query. */
  readonly path: string;
  readonly remoteAddress: string | undefined;
  /** The trace that the request continues. */
  readonly trace: ReceivedTrace | undefined;
  /** Learns the invocation of the request. */
  readonly onRecorded?: (invocationId: string) => void;
}

/** The trigger at an address. */
export interface Endpoint {
  readonly row: TriggerRow;
  readonly http: HttpSettings;
}

/** What endpoints work with. */
interface EndpointParts {
  readonly store: Store;
  readonly invocations: Invocations;
  readonly secrets: TriggerSecrets;
  readonly limits: EndpointLimits & { readonly maxStreams: number };
}

/** Headers whose values are credentials, which no record has. */
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "cookie"]);
const MASK = "***";
const encoder = new TextEncoder();

/** HTTP endpoints: requests that `fetch` of a function answers, each an invocation. */
export class Endpoints {
  readonly #streams: Streams;

  constructor(private readonly parts: EndpointParts) {
    this.#streams = new Streams(parts.limits.maxStreams);
  }

  /** The endpoint at an address. @throws ENDPOINT_NOT_FOUND, also for one that is paused */
  async find({ slug, host }: EndpointAddress): Promise<Endpoint> {
    const { triggers } = this.parts.store.read;
    const ofSlug = slug === undefined ? undefined : await triggers.at("slug", slug);
    const row = ofSlug ?? (host === undefined ? undefined : await triggers.at("host", host));
    const settings = row && settingsOf(row);
    if (row === undefined || settings?.kind !== "http" || row.paused === 1) throw noEndpoint();
    return { row, http: settings.http };
  }

  /** @throws ROLE_MISSING */
  assertMayCall(by: Principal, { row }: Endpoint): void {
    try {
      requirePermission(by, MAY_INVOKE, row.functionId);
    } catch (error) {
      throw rejectedFor(error, holderAs(by));
    }
  }

  /** Checks the signature of a request to an endpoint that needs one. @throws WEBHOOK_NOT_PROVED, WEBHOOK_INVALID */
  verify(
    { row }: Endpoint,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): void {
    const now = new Date();
    const secrets = this.parts.secrets.accepted(row, now);
    const verdict = verifyStandardWebhook({ headers, body, now }, secrets);
    if (verdict.kind === "verified") return;
    const reason = verdict.kind === "invalid" ? "WEBHOOK_INVALID" : "WEBHOOK_NOT_PROVED";
    throw new DomainError(reason, `Request rejected: ${verdict.reason}`);
  }

  /**
   * Lets the published commit answer a request. Resolves once the invocation is recorded.
   * @throws ENDPOINT_NOT_FOUND, and as an invocation does, before anything is sent to the client
   */
  async serve(
    { row, http }: Endpoint,
    request: EndpointRequest,
    client: HttpClient,
  ): Promise<void> {
    const invocation = {
      functionId: row.functionId,
      commitId: "",
      vfsId: row.volumeId ?? "",
      trigger: { kind: "http", id: row.id },
    } as const;
    try {
      const bodyHead = http.recordBody === true ? new BodyHead(request.headers) : undefined;
      await this.#answer(principalOf(row), invocation, request, client, bodyHead);
    } catch (error) {
      const isUnpublished = error instanceof DomainError && error.reason === "NO_PUBLISHED_COMMIT";
      throw isUnpublished ? noEndpoint() : error;
    }
  }

  /**
   * Lets any commit answer a request of a principal.
   * @throws ROLE_MISSING, and as {@link serve}
   */
  async preview(
    by: Principal,
    commit: { readonly functionId: string; readonly commitId: string },
    request: EndpointRequest,
    client: HttpClient,
  ): Promise<void> {
    requirePermission(by, MAY_INVOKE, commit.functionId);
    const invocation = { ...commit, vfsId: "", trigger: { kind: "http", id: null } } as const;
    await this.#answer(by, invocation, request, client);
  }

  async #answer(
    by: Principal,
    invocation: Pick<Invoke, "functionId" | "commitId" | "vfsId" | "trigger">,
    { method, url, headers, hasBody, path, remoteAddress, trace, onRecorded }: EndpointRequest,
    client: HttpClient,
    bodyHead?: BodyHead,
  ): Promise<void> {
    const input: RequestInput = { method, url, headers, hasBody };
    const httpRequest = new HttpRequest(
      client,
      { path, input, bodyHead },
      this.parts.limits,
      this.#streams,
    );
    using _ = { [Symbol.dispose]: () => httpRequest.close() };
    try {
      await this.parts.invocations.invoke(by, {
        ...invocation,
        json: encoder.encode(JSON.stringify({ method, url, headers: headers.map(masked) })),
        idempotencyKey: undefined,
        wait: { kind: "until-end" },
        remoteAddress,
        trace,
        onRecorded,
        httpRequest,
      });
    } catch (error) {
      if (error instanceof DomainError && httpRequest.isAnswered) return;
      throw error;
    }
    httpRequest.ended(NOT_RUN);
  }
}

function masked([name, value]: Header): Header {
  return [name, CREDENTIALS.has(name.toLowerCase()) ? MASK : value];
}

function noEndpoint(): DomainError {
  return new DomainError("ENDPOINT_NOT_FOUND", "No endpoint has this address");
}

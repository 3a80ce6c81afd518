import { type Principal, requirePermission } from "../identity/mod.ts";
import type { Invocations } from "../invocations/invocations.ts";
import type { RequestInput } from "../../runtime/wire.ts";
import type { Header, HttpClient } from "./client.ts";
import { NOT_RUN } from "./ends.ts";
import { type EndpointLimits, HttpExchange } from "./exchange.ts";
import { Streams } from "./streams.ts";

/** A request to a function, as the function gets it. */
export interface EndpointRequest extends RequestInput {
  /** As recorded, without the query. */
  readonly path: string;
  readonly remoteAddress: string | undefined;
}

/** Headers whose values are credentials, which no record has. */
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "cookie"]);
const MASK = "***";
const encoder = new TextEncoder();

/** HTTP endpoints: requests that `fetch` of a function answers, each an invocation. */
export class Endpoints {
  readonly #streams: Streams;

  constructor(
    private readonly invocations: Invocations,
    private readonly limits: EndpointLimits & { readonly maxStreams: number },
  ) {
    this.#streams = new Streams(limits.maxStreams);
  }

  /**
   * Has any commit answer a request of a principal. Resolves once the invocation is recorded.
   * @throws ROLE_MISSING, and as a call does, before anything is sent to the client
   */
  async preview(
    by: Principal,
    commit: { readonly functionId: string; readonly commitId: string },
    request: EndpointRequest,
    client: HttpClient,
  ): Promise<void> {
    requirePermission(by, "invoke", "preview");
    const { method, url, headers, hasBody, path, remoteAddress } = request;
    const inputJson = JSON.stringify({ method, url, headers, hasBody } satisfies RequestInput);
    const exchange = new HttpExchange(
      client,
      { method, path, inputJson },
      this.limits,
      this.#streams,
    );
    using _ = { [Symbol.dispose]: () => exchange.close() };
    await this.invocations.invoke(by, {
      ...commit,
      json: encoder.encode(JSON.stringify({ method, url, headers: headers.map(masked) })),
      vfsId: "",
      idempotencyKey: undefined,
      wait: { kind: "until-end" },
      trigger: { kind: "http", id: null },
      remoteAddress,
      exchange,
    });
    exchange.ended(NOT_RUN);
  }
}

function masked([name, value]: Header): Header {
  return [name, CREDENTIALS.has(name.toLowerCase()) ? MASK : value];
}

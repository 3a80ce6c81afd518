/** A C1 tenant on loopback, over TLS, that checks what it gets and answers as a test wants, however hostile. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { decodeProtectedHeader, jwtVerify } from "jose";
import type { Json } from "../support/client.ts";
import { CERT, KEY } from "../egress/certificates.ts";

/** A request as it came. */
export interface Received {
  readonly verb: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Of the client's side of the connection: the same for requests over one connection. */
  readonly port: number;
}

/** Answers a request, or does something worse. */
type Behavior = (request: Received, response: ServerResponse) => void | Promise<void>;

export class HostileTenant implements AsyncDisposable {
  readonly #server: Server;
  readonly #key: KeyObject;
  readonly clientSecret: string;
  /** Requests to the API, and requests for tokens. */
  readonly received: Received[] = [];
  readonly tokenRequests: Received[] = [];
  /** Tokens that it has given. */
  readonly tokens: string[] = [];
  /** Answers requests to the API whose token is right. */
  api: Behavior = (_request, response) => json(response, 200, { list: [], nextPageToken: "" });
  /** Answers introspections. */
  introspect: Behavior = (_request, response) =>
    json(response, 200, { userId: "1", roles: [], permissions: [] });
  /** Answers requests for tokens whose assertion is right. */
  token: Behavior = (_request, response) => json(response, 200, this.grant());
  /** Tokens that it accepts no longer. */
  readonly revoked = new Set<string>();

  private constructor(cert: string, key: string) {
    const pair = generateKeyPairSync("ed25519");
    this.#key = pair.publicKey;
    const { kty, crv, x, d } = pair.privateKey.export({ format: "jwk" });
    this.clientSecret = "secret-token:conductorone.com:v1:" +
      btoa(JSON.stringify({ kty, crv, x, d })).replaceAll("+", "-").replaceAll("/", "_")
        .replaceAll("=", "");
    this.#server = createServer({ cert, key }, (request, response) => {
      response.on("error", () => response.destroy());
      this.#answer(request, response).catch((error) => {
        json(response, 500, { code: 13, message: String(error), details: [] });
      });
    });
  }

  /** @param files a certificate and its key, in PEM */
  static async start(files: { cert: string; key: string } = { cert: CERT, key: KEY }) {
    const tenant = new HostileTenant(files.cert, files.key);
    await new Promise<void>((resolve) => tenant.#server.listen(0, "127.0.0.1", resolve));
    return tenant;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get host(): string {
    return `localhost:${this.port}`;
  }

  get clientId(): string {
    return `hostile-tenant-1@${this.host}/spc`;
  }

  get credentials() {
    const { host, clientId, clientSecret } = this;
    return { host, clientId, clientSecret };
  }

  /** A new token, as its endpoint answers. */
  grant(more: Json = {}): Json {
    const token = `token.${crypto.randomUUID()}.${crypto.randomUUID()}`;
    this.tokens.push(token);
    return { access_token: token, token_type: "Bearer", expires_in: 600, ...more };
  }

  /** Forgets what it has seen, and answers as a new one. */
  reset(): void {
    this.received.length = 0;
    this.tokenRequests.length = 0;
    this.api = (_request, response) => json(response, 200, { list: [], nextPageToken: "" });
    this.token = (_request, response) => json(response, 200, this.grant());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const received: Received = {
      verb: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers as Record<string, string>,
      body,
      port: request.socket.remotePort ?? 0,
    };
    if (received.path === "/auth/v1/token") {
      this.tokenRequests.push(received);
      await this.#assertAssertion(new URLSearchParams(body));
      return await this.token(received, response);
    }
    const isIntrospection = received.path === "/api/v1/auth/introspect";
    if (!isIntrospection) this.received.push(received);
    const [scheme = "", token = ""] = (received.headers.authorization ?? "").split(" ");
    const isKnown = this.tokens.includes(token) && !this.revoked.has(token);
    if (!isKnown || !["Bearer", "DPoP"].includes(scheme)) {
      return json(response, 401, { code: 16, message: "token not accepted", details: [] });
    }
    if (isIntrospection) return await this.introspect(received, response);
    await this.api(received, response);
  }

  /** What C1 demands of an assertion. */
  async #assertAssertion(form: URLSearchParams): Promise<void> {
    assert.equal(form.get("grant_type"), "client_credentials");
    assert.equal(form.get("client_id"), this.clientId);
    assert.equal(
      form.get("client_assertion_type"),
      "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    );
    assert.equal(form.get("client_secret"), null);
    const assertion = form.get("client_assertion") ?? "";
    const { payload } = await jwtVerify(assertion, this.#key, {
      algorithms: ["EdDSA"],
      issuer: this.clientId,
      subject: this.clientId,
      audience: "localhost",
    });
    const { iat = 0, exp = 0, nbf = 0, aud } = payload;
    assert.deepEqual([exp - iat, iat - nbf, aud], [120, 120, ["localhost"]]);
    assert.match(String(decodeProtectedHeader(assertion).nonce), /^[0-9a-f]{32}$/);
  }
}

/** Answers JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": String(new TextEncoder().encode(text).length),
    ...headers,
  });
  response.end(text);
}

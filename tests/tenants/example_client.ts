/** The example tenant on a port, and a client as C1's tools are one. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { importJWK, SignJWT } from "jose";
import { type ExampleCredentials } from "../../examples/tenant/app.ts";
import { type ServedTenant, serveExampleTenant } from "../../examples/tenant/serve.ts";
import { loopbackCertificate } from "../support/certificates.ts";
import type { Json } from "../support/client.ts";

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** What an assertion claims other than it should. */
interface Claims {
  readonly audience?: string;
  readonly issuer?: string;
  readonly expiresIn?: string;
}

/** Serves a new example tenant. */
export async function startExampleTenant(): Promise<ServedTenant> {
  const { certFile, keyFile } = await loopbackCertificate();
  const [cert, key] = await Promise.all([certFile, keyFile].map((path) => Deno.readTextFile(path)));
  return serveExampleTenant({ cert: cert ?? "", key: key ?? "", port: 0 });
}

/** Sends requests with a token of its credentials. */
export class TenantClient implements Disposable {
  readonly #http: Deno.HttpClient;
  #token: string | undefined;

  private constructor(readonly credentials: ExampleCredentials, ca: string) {
    this.#http = Deno.createHttpClient({ caCerts: [ca] });
  }

  static async open(credentials: ExampleCredentials): Promise<TenantClient> {
    const { caFile } = await loopbackCertificate();
    return new TenantClient(credentials, await Deno.readTextFile(caFile));
  }

  /** Requests a token with a signed assertion. */
  async token({ audience, issuer, expiresIn = "2m" }: Claims = {}): Promise<Answer> {
    const { clientId, clientSecret, host } = this.credentials;
    const jwk = JSON.parse(
      Buffer.from(clientSecret.split(":").at(-1) ?? "", "base64url").toString(),
    );
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: "EdDSA" }).setIssuer(issuer ?? clientId).setSubject(clientId)
      .setAudience(audience ?? host.replace(/:\d+$/, "")).setIssuedAt().setExpirationTime(expiresIn)
      .sign(await importJWK(jwk, "EdDSA"));
    return await this.#send("POST", "/auth/v1/token", {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: String(
        new URLSearchParams({
          grant_type: "client_credentials",
          client_id: clientId,
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: assertion,
        }),
      ),
    });
  }

  /** Sends a request, with a token unless another is given. */
  async call(verb: string, path: string, body?: unknown, token?: string): Promise<Answer> {
    this.#token ??= (await this.token()).body.access_token as string;
    return await this.#send(verb, path, {
      headers: { authorization: `Bearer ${token ?? this.#token}` },
      ...body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) },
    });
  }

  /** The body of an answer that must be 200. */
  async ok(verb: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.call(verb, path, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  }

  [Symbol.dispose](): void {
    this.#http.close();
  }

  async #send(method: string, path: string, init: RequestInit): Promise<Answer> {
    const url = `https://${this.credentials.host}${path}`;
    const response = await fetch(url, { ...init, method, client: this.#http });
    return { status: response.status, body: await response.json() };
  }
}

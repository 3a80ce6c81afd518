/**
 * C1's command lines, as the server sees them: the requests of `cone` and `c1i`, in their order and their forms. Each
 * ends where the tool ends, with what the tool says.
 */
import assert from "node:assert/strict";
import { importJWK, type JWK, SignJWT } from "jose";
import type { Json } from "./client.ts";

const CONE = "2RGdOS94VDferT9e80mdgntl36K";
const C1I = "juQSPDsPrdMDpPpR6fGdeLLSs8g";
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CLIENTS = "/api/v1/iam/personal_clients";
const HELPER = "c1i login role lookup (temporary)";
const ROLE_ID = /^[a-zA-Z0-9]{27}$/;
/** What a token has left when `c1i` gets another one. */
const SECOND_MS = 1000;

/** What a tool stores of a login. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Shows the address and the code to the person at the terminal. */
export type Show = (url: string, userCode: string) => Promise<void>;

interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** An https client that trusts one CA, as the tools do with `SSL_CERT_FILE`. */
class Https implements Disposable {
  readonly #client: Deno.HttpClient;

  constructor(readonly url: string, ca: string) {
    assert.match(url, /^https:\/\/[^/]+$/);
    this.#client = Deno.createHttpClient({ caCerts: [ca] });
  }

  async send(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.url + path, { ...init, method, client: this.#client });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  form(path: string, fields: Readonly<Record<string, string>>): Promise<Answer> {
    return this.send("POST", path, {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: String(new URLSearchParams(fields)),
    });
  }

  json(method: string, path: string, token: string, body?: unknown): Promise<Answer> {
    return this.send(method, path, {
      headers: {
        authorization: `Bearer ${token}`,
        ...body === undefined ? {} : { "content-type": "application/json" },
      },
      ...body === undefined ? {} : { body: JSON.stringify(body) },
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** A token for the credentials, by a signed assertion with a nonce and without `jti`. */
async function mintToken(https: Https, { clientId, clientSecret }: Credentials): Promise<string> {
  const [, , version, encoded = ""] = clientSecret.split(":");
  assert.equal(version, "v1");
  const bytes = Uint8Array.fromBase64(encoded, { alphabet: "base64url" });
  const jwk = JSON.parse(new TextDecoder().decode(bytes)) as JWK;
  const host = clientId.split("@")[1]?.split("/")[0]?.replace(/:\d+$/, "") ?? "";
  const now = Math.floor(Date.now() / SECOND_MS);
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA", nonce: crypto.randomUUID().replaceAll("-", "") })
    .setIssuer(clientId).setSubject(clientId).setAudience([host])
    .setIssuedAt(now).setNotBefore(now - 120).setExpirationTime(now + 120)
    .sign(await importJWK(jwk, "EdDSA"));
  const { status, body } = await https.form("/auth/v1/token", {
    client_id: clientId,
    grant_type: "client_credentials",
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
  });
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(typeof body.expires_in, "number");
  return body.access_token;
}

/** The steps that all tools share, with the differences of each. */
abstract class Tool implements Disposable {
  protected readonly https: Https;

  constructor(url: string, ca: string, private readonly publicId: string) {
    this.https = new Https(url, ca);
  }

  /** How the tool answers a `slow_down`: seconds more, or undefined where it ends. */
  protected abstract readonly slowDownSeconds: number | undefined;

  /** Asks for a sign-in, shows it, and polls until somebody decides. */
  protected async deviceToken(show: Show): Promise<string> {
    const { status, body } = await this.https.form("/auth/v1/device_authorization", {
      client_id: this.publicId,
    });
    assert.equal(status, 200, JSON.stringify(body));
    const { verification_uri_complete: url, user_code, expires_in } = body;
    assert.match(url, /^https:\/\//);
    for (const seconds of [expires_in, body.interval]) {
      assert.ok(Number.isInteger(seconds) && seconds > 0, JSON.stringify(body));
    }
    const shown = show(url, user_code);
    const token = await this.#poll(body.device_code, body.interval, expires_in);
    await shown;
    return token;
  }

  async #poll(deviceCode: string, interval: number, expiresIn: number): Promise<string> {
    const endsAt = Date.now() + expiresIn * SECOND_MS;
    for (let seconds = interval;;) {
      await new Promise((resolve) => setTimeout(resolve, seconds * SECOND_MS));
      if (Date.now() > endsAt) throw new Error("timeout");
      const { status, body } = await this.https.form("/auth/v1/token", {
        client_id: this.publicId,
        device_code: deviceCode,
        grant_type: DEVICE_GRANT,
      });
      if (status === 200) return body.access_token;
      assert.ok(status < 500, JSON.stringify(body));
      if (body.error === "authorization_pending") continue;
      if (body.error !== "slow_down" || this.slowDownSeconds === undefined) {
        throw new Error(body.error_description);
      }
      seconds += this.slowDownSeconds;
    }
  }

  /** Creates a personal client; every other status than 200 ends the tool. */
  protected async createClient(deviceToken: string, request: Json): Promise<Json> {
    const { status, body } = await this.https.json("POST", CLIENTS, deviceToken, request);
    assert.equal(status, 200, JSON.stringify(body));
    assert.match(body.client.clientId, /^[^@]+@[^/]+\/[a-z]+$/);
    return body;
  }

  /** `userId` of the credentials, and the user. */
  protected async user(token: string): Promise<Json> {
    const introspected = await this.https.json("GET", "/api/v1/auth/introspect", token);
    assert.equal(introspected.status, 200, JSON.stringify(introspected.body));
    const { userId } = introspected.body;
    assert.notEqual(userId, "");
    const { status, body } = await this.https.json("GET", `/api/v1/users/${userId}`, token);
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(body.userView.user, JSON.stringify(body));
    return body.userView.user;
  }

  /** What `whoami` prints. */
  async whoami(credentials: Credentials): Promise<Json> {
    return await this.user(await mintToken(this.https, credentials));
  }

  [Symbol.dispose](): void {
    this.https[Symbol.dispose]();
  }
}

/** `cone`, with the login of C1's Go SDK. */
export class Cone extends Tool {
  protected readonly slowDownSeconds = undefined;

  constructor(url: string, ca: string) {
    super(url, ca, CONE);
  }

  /** `cone login` */
  async login(show: Show): Promise<Credentials> {
    const token = await this.deviceToken(show);
    const { client, clientSecret } = await this.createClient(token, {
      display_name: "Created by Cone",
    });
    // It takes the API's host from the id.
    assert.equal(`https://${client.clientId.split("@")[1].split("/")[0]}`, this.https.url);
    return { clientId: client.clientId, clientSecret };
  }
}

/** A role that a login may choose. */
interface OfferedRole {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly isHeld: boolean;
}

interface C1iLogin {
  /** `--scoped-role`: ids, or names. */
  readonly roles?: readonly string[];
  /** `--choose-roles`: the menu. */
  readonly choose?: (offered: readonly OfferedRole[]) => readonly OfferedRole[];
}

/** `c1i`. */
export class C1i extends Tool {
  protected readonly slowDownSeconds = 5;

  constructor(url: string, ca: string) {
    super(url, ca, C1I);
  }

  /** `c1i auth login` up to version 0.5. */
  async loginOfBefore(show: Show): Promise<Credentials> {
    const token = await this.deviceToken(show);
    const made = await this.createClient(token, { display_name: "Created by c1i" });
    const credentials = { clientId: made.client.clientId, clientSecret: made.clientSecret };
    const check = await mintToken(this.https, credentials);
    assert.equal((await this.https.json("GET", "/api/v1/auth/introspect", check)).status, 200);
    return credentials;
  }

  /** `c1i auth login` with role-scoped credentials; answers the credentials and the roles that they have. */
  async login(
    show: Show,
    { roles = [], choose }: C1iLogin = {},
  ): Promise<Credentials & { readonly scopedRoles: readonly string[] }> {
    const token = await this.deviceToken(show);
    const names = roles.filter((role) => !ROLE_ID.test(role));
    const ids = roles.filter((role) => ROLE_ID.test(role));
    if (choose !== undefined || names.length > 0) {
      const offered = await this.#withHelper(token, (helper) => this.#offeredRoles(helper));
      const chosen = choose === undefined
        ? names.map((name) => named(name, offered))
        : choose(offered);
      ids.push(...chosen.map(({ id }) => id));
    }
    const made = await this.createClient(token, {
      displayName: "Created by c1i",
      ...ids.length === 0 ? {} : { scopedRoles: ids },
    });
    const credentials = { clientId: made.client.clientId, clientSecret: made.clientSecret };
    const scopedRoles: string[] = made.client.scopedRoles;
    const problem = await this.#check(credentials, ids, scopedRoles);
    if (problem === undefined) return { ...credentials, scopedRoles };
    await this.#withHelper(token, (helper) => this.#delete(helper, made.client.id));
    throw new Error(problem);
  }

  /** Runs work with a client that lives for as long. */
  async #withHelper<T>(token: string, work: (helper: string) => Promise<T>): Promise<T> {
    const { client, clientSecret } = await this.createClient(token, {
      displayName: HELPER,
      expires: "600s",
    });
    const helper = await mintToken(this.https, { clientId: client.clientId, clientSecret });
    try {
      return await work(helper);
    } finally {
      await this.#delete(helper, client.id);
    }
  }

  async #delete(token: string, id: string): Promise<void> {
    const { status, body } = await this.https.json("DELETE", `${CLIENTS}/${id}`, token);
    assert.ok(status === 200 || status === 404, JSON.stringify(body));
  }

  /** The roles of the person, Basic User and Read-Only Administrator; for administrators every role. */
  async #offeredRoles(helper: string): Promise<readonly OfferedRole[]> {
    const { roleIds } = await this.user(helper);
    const held = new Set<string>(roleIds);
    const all: Json[] = [];
    for (let pageToken = "";;) {
      const query = `page_size=100${pageToken === "" ? "" : `&page_token=${pageToken}`}`;
      const { status, body } = await this.https.json("GET", `/api/v1/iam/roles?${query}`, helper);
      assert.equal(status, 200, JSON.stringify(body));
      all.push(...body.list);
      if (body.nextPageToken === "") break;
      pageToken = body.nextPageToken;
    }
    const isAdministrator = all.some(({ id, name }) =>
      held.has(id) && ["system:owner", "system:viewer"].includes(name)
    );
    return all.map(({ id, name, displayName }) => ({
      ...{ id, name, displayName },
      isHeld: held.has(id),
    })).filter(({ isHeld, name }) =>
      isAdministrator || isHeld || ["system:user", "system:viewer"].includes(name)
    );
  }

  /** Why the new client is not kept; undefined if it is. */
  async #check(
    credentials: Credentials,
    asked: readonly string[],
    granted: readonly string[],
  ): Promise<string | undefined> {
    const isWithin = asked.length === 0
      ? granted.length === 0
      : granted.length > 0 && granted.every((id) => asked.includes(id));
    if (!isWithin) return `C1 scoped the new credential to ${granted}, not to ${asked}`;
    const token = await mintToken(this.https, credentials);
    const { status, body } = await this.https.json("GET", "/api/v1/auth/introspect", token);
    const isBare = status === 200 && body.roles.length > 0 &&
      body.roles.every((role: string) => role.startsWith("role/c1.api.auth.v1.Auth:"));
    if (asked.length > 0 && (status === 403 || isBare)) return "the roles give no access";
    return status === 200 ? undefined : `credential verification failed: ${status}`;
  }
}

/** The role of a name, such as `basic-user`, `Basic User` or `system:user`. */
function named(name: string, offered: readonly OfferedRole[]): OfferedRole {
  const plain = (text: string) => text.trim().toLowerCase().replace(/[ _]/g, "-");
  const [role, ...others] = offered.filter((one) =>
    [one.name, one.displayName].some((text) => plain(text) === plain(name))
  );
  assert.ok(role !== undefined && others.length === 0, `${name} matches no role, or several`);
  return role;
}

/** A plain HTTP client of the API: it knows the wire and nothing of the server's code. */
import { eventually } from "./eventually.ts";

/** How long an answer may take; a bound for what hangs, not a measurement. */
const ANSWER_TIMEOUT_MS = 180_000;

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

// deno-lint-ignore no-explicit-any -- tests read answers of many shapes
export type Json = any;

export type Files = Readonly<Record<string, string>>;

/** The client id and secret of a client. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Base64 of UTF-8 text. */
export function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** Text of base64. */
export function unbase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(text));
}

export class Client {
  constructor(readonly url: string, readonly token: string | undefined) {}

  static async login(url: string, clientId: string, clientSecret: string): Promise<Client> {
    const { status, body } = await new Client(url, undefined).requestToken({
      clientId,
      clientSecret,
    });
    if (status !== 200) throw new Error(`No token: ${JSON.stringify(body)}`);
    return new Client(url, body.access_token);
  }

  /** Sends a request whose body is JSON, or exactly the text or bytes given. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Json>> {
    const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: {
        ...this.token === undefined ? {} : { authorization: `Bearer ${this.token}` },
        ...body === undefined ? {} : { "content-type": "application/json" },
        ...headers,
      },
      body: (raw ? body : JSON.stringify(body)) as BodyInit ?? null,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return {
      status: response.status,
      headers: response.headers,
      // An answer to HEAD has the type of a body that it lacks.
      body: isJson && text !== "" ? JSON.parse(text) : text,
    };
  }

  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer<Json>> {
    return this.call("GET", path, undefined, headers);
  }

  post(
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer<Json>> {
    return this.call("POST", path, body, headers);
  }

  form(
    path: string,
    form: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Json>> {
    return this.call("POST", path, String(new URLSearchParams(form)), {
      "content-type": "application/x-www-form-urlencoded",
      ...headers,
    });
  }

  /** Requests a token by the secret of a client, with further fields of the form. */
  requestToken(
    { clientId, clientSecret }: Credentials,
    more: Readonly<Record<string, string>> = {},
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer<Json>> {
    const credentials = { client_id: clientId, client_secret: clientSecret };
    return this.form("/auth/v1/token", {
      grant_type: "client_credentials",
      ...credentials,
      ...more,
    }, headers);
  }

  /** Creates a function, with a first commit where files are given. */
  async createFunction(displayName: string, files?: Files): Promise<Json> {
    const initialContent = files === undefined ? undefined : encode(files);
    const { status, body } = await this.post("/api/v1/functions", { displayName, initialContent });
    if (status !== 200) throw new Error(`Cannot create ${displayName}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Creates and publishes a function; answers its id. */
  async deploy(main: string, files: Files = {}): Promise<string> {
    const { function: fn, commit } = await this.createFunction("test", {
      "main.ts": main,
      ...files,
    });
    const { status, body } = await this.publish(fn.id, commit.id);
    if (status !== 200) throw new Error(`Cannot publish: ${JSON.stringify(body)}`);
    return fn.id;
  }

  /** Changes fields of a function. @param updateMask without it all that `fields` has */
  update(id: string, fields: Json, updateMask?: unknown): Promise<Answer<Json>> {
    return this.post("/api/v1/functions/update", { function: { id, ...fields }, updateMask });
  }

  publish(id: string, publishedCommitId: string): Promise<Answer<Json>> {
    return this.update(id, { publishedCommitId }, "publishedCommitId");
  }

  /** Invokes with a plain input. */
  invoke(
    functionId: string,
    input: unknown = {},
    headers: Readonly<Record<string, string>> = {},
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer<Json>> {
    const json = base64(JSON.stringify(input));
    return this.post(`/api/v1/functions/${functionId}/invoke`, { json, ...more }, headers);
  }

  /** The record of an invocation. */
  async invocation(functionId: string, id: string): Promise<Json> {
    const { status, body } = await this.get(`/api/v1/functions/${functionId}/invocations/${id}`);
    if (status !== 200) throw new Error(`No invocation ${id}: ${JSON.stringify(body)}`);
    return body.invocation;
  }

  /** The record once the invocation has ended. */
  async ended(functionId: string, id: string): Promise<Json> {
    return await eventually(async () => {
      const invocation = await this.invocation(functionId, id);
      return /_(SUCCESS|ERROR)$/.test(invocation.status) ? invocation : undefined;
    }, `the end of invocation ${id}`);
  }

  /** The three steps of a commit; answers what finalizing said. */
  async commit(functionId: string, files: Files, commitMessage = ""): Promise<Answer<Json>> {
    const opened = await this.post(`/api/v1/functions/${functionId}/commits`, {
      filenames: Object.keys(files),
      commitMessage,
    });
    if (opened.status !== 200) return opened;
    const { commitId, uploadUrls } = opened.body;
    for (const [path, content] of Object.entries(files)) {
      const { status, body } = await new Client(this.url, undefined).call(
        "PUT",
        uploadUrls[path],
        content,
        {
          "content-type": "application/octet-stream",
        },
      );
      if (status !== 204) throw new Error(`Cannot upload ${path}: ${JSON.stringify(body)}`);
    }
    return await this.post(`/api/v1/functions/${functionId}/commits/${commitId}/finalize`, {});
  }
}

/** Files as the API carries them. */
export function encode(files: Files): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [path, base64(content)]),
  );
}

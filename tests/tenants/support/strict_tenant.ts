/**
 * A server that speaks the documented paths of C1's functions and nothing else: an unknown path, query or field is an
 * error. Files go to another host by signed URLs. Its data is invented.
 */
import { Buffer } from "node:buffer";
import { exportJWK, generateKeyPair, jwtVerify } from "jose";
import { type CertificateFiles, loopbackCertificate } from "../../support/certificates.ts";
import type { Json } from "../../support/client.ts";

export const CLIENT_ID = "brave-otter-12345@127.0.0.1/pcc";
/** What a personal client and the tenant share: its key signs assertions. */
const KEY = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
const JWK = JSON.stringify(await exportJWK(KEY.privateKey));
export const CLIENT_SECRET = `secret-token:conductorone.com:v1:${
  Buffer.from(JWK).toString("base64url")
}`;
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** The public clients that C1 knows. */
const DEVICE_CLIENTS = [
  "2RGdOS94VDferT9e80mdgntl36K",
  "juQSPDsPrdMDpPpR6fGdeLLSs8g",
  "2RCzHlak5q7CY14SdBc8HoZEJRf",
];
const VIEWER_ID = idOf(1, "R");

const OF_FUNCTION = [
  ...["id", "displayName", "description", "functionType", "outboundNetworkAllowlist", "secret"],
  ...["provisionedConcurrency", "scopedRoleIds", "publishedCommitId"],
];

/** Files by path. */
type Files = Record<string, string>;

interface Commit {
  readonly id: string;
  readonly functionId: string;
  readonly message: string;
  readonly filenames: readonly string[];
  /** In base64. */
  readonly files: Files;
  isFinal: boolean;
}

/** A request as it arrived. */
interface Seen {
  readonly operation: string;
  readonly authorization: string | null;
  readonly body: Json;
}

/** Decides on the answer of an operation. */
type Fault = (answer: () => Promise<Response>) => Response | Promise<Response>;

/** The operation happens, and its answer is lost. */
export const LOST: Fault = async (answer) => {
  await answer();
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("lost")) });
  return new Response(broken, { headers: { "content-type": "application/json" } });
};

/** Answers without the operation. */
export function answering(status: number, body: string, type = "text/html"): Fault {
  return () => new Response(body, { status, headers: { "content-type": type } });
}

/** A google.rpc.Status. */
export function failing(status: number, code: number, message: string): Fault {
  return answering(status, JSON.stringify({ code, message, details: [] }), "application/json");
}

class Rejection extends Error {
  constructor(readonly status: number, readonly code: number, message: string) {
    super(message);
  }
}

function idOf(count: number, kind: string): string {
  return `${kind}${String(count).padStart(26, "0")}`;
}

type Handler = (ids: readonly string[], body: Json) => Json;

export class StrictTenant implements AsyncDisposable {
  readonly functions = new Map<string, Json>();
  /** The newest is the last. */
  readonly commits: Commit[] = [];
  readonly tags = new Map<string, Map<string, string>>();
  readonly seen: Seen[] = [];
  /** Headers of the uploads. */
  readonly uploads: Headers[] = [];
  readonly #faults = new Map<string, Fault>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #bucket: Deno.HttpServer<Deno.NetAddr>;
  #count = 0;
  /** The URL of a file for its upload. */
  uploadUrl = (path: string): string => `${this.bucketUrl}${path}?signature=x`;
  /** What the bucket stores of an upload. */
  stored = (bytes: Uint8Array): Uint8Array => bytes;
  #polls = 0;

  private constructor(readonly certificate: CertificateFiles, cert: string, key: string) {
    const options = { port: 0, hostname: "127.0.0.1", cert, key, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
    this.#bucket = Deno.serve(options, (request) => this.#store(request));
  }

  static async start(): Promise<StrictTenant> {
    const certificate = await loopbackCertificate();
    const [cert, key] = await Promise.all(
      [certificate.certFile, certificate.keyFile].map((path) => Deno.readTextFile(path)),
    );
    return new StrictTenant(certificate, cert ?? "", key ?? "");
  }

  get url(): string {
    return `https://127.0.0.1:${this.#server.addr.port}`;
  }

  get bucketUrl(): string {
    return `https://localhost:${this.#bucket.addr.port}`;
  }

  /** The next request of an operation, such as `CreateTag`, gets this fault. */
  once(operation: string, fault: Fault): void {
    this.#faults.set(operation, fault);
  }

  /** The operations that change something, in the order of their requests. */
  get changes(): string[] {
    return this.seen.map(({ operation }) => operation)
      .filter((operation) => /^(?:Create|Update|Delete)/.test(operation));
  }

  /** Adds a function with a commit, as somebody else would. */
  add(displayName: string, files: Files, settings: Json = {}): Json {
    const fn = this.#create({ displayName, ...settings });
    this.commit(fn.id, files);
    return fn;
  }

  /** Adds a commit to a function, as somebody else would. */
  commit(functionId: string, files: Files): string {
    const encoded = Object.entries(files)
      .map(([path, text]) => [path, Buffer.from(text).toString("base64")]);
    const id = idOf(++this.#count, "C");
    this.commits.push({
      ...{ id, functionId, message: "", filenames: Object.keys(files), isFinal: true },
      files: Object.fromEntries(encoded),
    });
    this.#function(functionId).head = id;
    return id;
  }

  /** The texts of the head of the function of a name, in the order of their paths. */
  headOf(displayName: string): Files {
    const fn = this.named(displayName);
    const { files } = this.#commit(fn.id, fn.head);
    return Object.fromEntries(
      Object.keys(files).toSorted()
        .map((path) => [path, Buffer.from(files[path] ?? "", "base64").toString()]),
    );
  }

  named(displayName: string): Json {
    return [...this.functions.values()].find((fn) => fn.displayName === displayName);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#server.shutdown(), this.#bucket.shutdown()]);
  }

  /** Operation by method and path; the fields of its body. */
  readonly #routes: readonly (readonly [string, string, RegExp, readonly string[], Handler])[] = [
    ["Introspect", "GET", /^\/auth\/introspect$/, [], () => ({
      ...{ principleId: "P", userId: "U", tenantId: "T", roles: [], permissions: [], features: [] },
    })],
    ["CreatePersonalClient", "POST", /^\/iam\/personal_clients$/, [
      ...["displayName", "scopedRoles", "allowSourceCidr", "expires"],
    ], () => ({ client: { id: idOf(2, "P"), clientId: CLIENT_ID }, clientSecret: CLIENT_SECRET })],
    ["DeletePersonalClient", "DELETE", /^\/iam\/personal_clients\/(\w+)$/, [], () => ({})],
    ["ListRoles", "GET", /^\/iam\/roles$/, [], () => ({
      list: [{ id: VIEWER_ID, name: "system:viewer", displayName: "Read-Only Administrator" }],
      nextPageToken: "",
    })],
    ["Search", "POST", /^\/search\/functions$/, [
      ...["query", "functionTypes", "pageSize", "pageToken"],
    ], (_, { query }) => ({
      list: [...this.functions.values()].filter((fn) => fn.displayName.includes(query ?? "")),
      nextPageToken: "",
    })],
    ["CreateFunction", "POST", /^\/functions$/, [
      ...["displayName", "description", "functionType", "initialContent", "commitMessage"],
    ], (_, body) => ({ function: this.#create(body) })],
    ["UpdateFunction", "POST", /^\/functions\/update$/, [
      ...["function", "updateMask", "content", "commitMessage"],
    ], (_, body) => this.#update(body)],
    ["GetFunction", "GET", /^\/functions\/(\w+)$/, [], ([id = ""]) => ({
      function: this.#function(id),
    })],
    ["CreateInitialCommit", "POST", /^\/functions\/(\w+)\/commits$/, [
      ...["filenames", "commitMessage"],
    ], ([id = ""], body) => this.#open(id, body)],
    ["CreateFinalCommit", "POST", /^\/functions\/(\w+)\/commits\/(\w+)\/finalize$/, [], (
      [id = "", commitId = ""],
    ) => this.#finalize(id, commitId)],
    ["GetCommitContent", "GET", /^\/functions\/(\w+)\/commits\/(\w+)$/, [], (
      [id = "", commitId = ""],
    ) => {
      const { files, message } = this.#commit(id, commitId);
      return { commit: { id: commitId, functionId: id, message }, files };
    }],
    ["ListTags", "GET", /^\/functions\/(\w+)\/tags$/, [], ([id = ""]) => ({
      tags: Object.fromEntries(
        [...this.tags.get(id) ?? []].map(([name, commit]) => [name, { id: commit }]),
      ),
    })],
    ["CreateTag", "POST", /^\/functions\/(\w+)\/tags$/, ["commitId", "name"], ([id = ""], body) => {
      this.#commit(id, body.commitId);
      const tags = this.tags.get(id) ?? new Map();
      this.tags.set(id, tags.set(body.name, body.commitId));
      return {};
    }],
  ];

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const text = await request.text();
    if (pathname.startsWith("/auth/v1/")) {
      return await this.#grant(pathname, new URLSearchParams(text));
    }
    const path = pathname.replace(/^\/api\/v1/, "");
    const route = this.#routes.find(([, method, pattern]) =>
      method === request.method && pattern.test(path)
    );
    try {
      if (route === undefined || path === pathname) throw new Rejection(404, 5, "Not Found");
      const [operation, , pattern, fields, handle] = route;
      const body = text === "" ? {} : JSON.parse(text);
      const authorization = request.headers.get("authorization");
      this.seen.push({ operation, authorization, body });
      if (authorization !== "Bearer valid") throw new Rejection(401, 16, "unauthenticated");
      assertKnown(Object.keys(body), fields);
      assertKnown([...searchParams.keys()], ["page_size", "page_token"]);
      const ids = pattern.exec(path)?.slice(1) ?? [];
      const answer = () => Promise.resolve(Response.json(handle(ids, body)));
      const fault = this.#faults.get(operation);
      this.#faults.delete(operation);
      return await (fault === undefined ? answer() : fault(answer));
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      const { status, code, message } = error;
      return Response.json({ code, message, details: [] }, { status });
    }
  }

  /** Tokens of the client, and of a device that a person approves between its first poll and the second. */
  async #grant(path: string, form: URLSearchParams): Promise<Response> {
    const device = form.get("client_id") ?? "";
    if (path === "/auth/v1/device_authorization") {
      if (!DEVICE_CLIENTS.includes(device) || form.size !== 1) return oauthError("invalid_client");
      return Response.json({
        ...{ device_code: "D", user_code: "BCDF-GHJK", expires_in: 600, interval: 0.1 },
        verification_uri: `${this.url}/device`,
        verification_uri_complete: `${this.url}/device?code=BCDF-GHJK`,
      });
    }
    if (form.get("grant_type") !== "client_credentials") {
      if (!DEVICE_CLIENTS.includes(device)) return oauthError("invalid_client");
      if (this.#polls++ === 0) return oauthError("authorization_pending");
    } else if (device !== CLIENT_ID || !await isOfClient(form)) {
      return oauthError("invalid_client");
    }
    return Response.json({ access_token: "valid", token_type: "Bearer", expires_in: 600 });
  }

  async #store(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, commitId, ...path] = pathname.split("/").map(decodeURIComponent);
    this.uploads.push(request.headers);
    const commit = this.commits.find(({ id }) => id === commitId);
    if (commit === undefined || request.headers.has("authorization")) {
      return new Response("<Error>AccessDenied</Error>", { status: 403 });
    }
    const bytes = this.stored(await request.bytes());
    commit.files[path.join("/")] = Buffer.from(bytes).toString("base64");
    return new Response(null, { status: 200 });
  }

  #create({ displayName, description = "", ...settings }: Json): Json {
    const fn = {
      ...{ id: idOf(++this.#count, "F"), displayName, description, isDraft: true, head: "" },
      ...{ functionType: "FUNCTION_TYPE_ANY", publishedCommitId: "", useSpn: false },
      ...{ outboundNetworkAllowlist: [], scopedRoleIds: [], provisionedConcurrency: 0 },
      ...{ secret: {}, hookRefs: [], workflowTemplateRefs: [] },
      ...settings,
    };
    this.functions.set(fn.id, fn);
    return fn;
  }

  #update({ function: given, updateMask }: Json): Json {
    assertKnown(Object.keys(given), OF_FUNCTION);
    assertKnown(updateMask.split(","), OF_FUNCTION);
    const fn = this.#function(given.id);
    for (const role of given.scopedRoleIds ?? []) {
      if (role !== VIEWER_ID) throw new Rejection(400, 3, `unknown role ${role}`);
    }
    const { secret, ...others } = given;
    Object.assign(fn, others);
    if (secret !== undefined) {
      fn.secret = Object.fromEntries(Object.keys(secret).map((name) => [name, ""]));
    }
    return { function: fn };
  }

  #open(functionId: string, { filenames, commitMessage }: Json): Json {
    this.#function(functionId);
    const id = idOf(++this.#count, "C");
    const commit = { id, functionId, message: commitMessage, filenames, files: {}, isFinal: false };
    this.commits.push(commit);
    const urls = filenames.map((path: string) => [path, this.uploadUrl(`/${id}/${path}`)]);
    return { commitId: id, uploadUrls: Object.fromEntries(urls) };
  }

  #finalize(functionId: string, commitId: string): Json {
    const commit = this.#commit(functionId, commitId);
    const missing = commit.filenames.find((path) => commit.files[path] === undefined);
    if (missing !== undefined) throw new Rejection(400, 9, `${missing} was not uploaded`);
    commit.isFinal = true;
    this.#function(functionId).head = commitId;
    return { commit: { id: commitId, functionId, message: commit.message } };
  }

  #function(id: string): Json {
    const fn = this.functions.get(id);
    if (fn === undefined) throw new Rejection(404, 5, `function ${id} not found`);
    return fn;
  }

  #commit(functionId: string, commitId: string): Commit {
    const commit = this.commits.find(({ id }) => id === commitId);
    if (commit?.functionId === functionId) return commit;
    throw new Rejection(404, 5, `commit ${commitId} not found`);
  }
}

/** Whether the client has signed an assertion, as C1's own tools do. */
async function isOfClient(form: URLSearchParams): Promise<boolean> {
  if (form.get("client_assertion_type") !== ASSERTION_TYPE || form.has("client_secret")) {
    return false;
  }
  const options = { issuer: CLIENT_ID, subject: CLIENT_ID, audience: "127.0.0.1" };
  return await jwtVerify(form.get("client_assertion") ?? "", KEY.publicKey, options).then(
    ({ protectedHeader: { nonce } }) => /^[0-9a-f]{32}$/.test(String(nonce)),
    () => false,
  );
}

function oauthError(error: string): Response {
  return Response.json({ error }, { status: error === "invalid_client" ? 401 : 400 });
}

function assertKnown(given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Rejection(400, 3, `unknown field "${unknown}"`);
}

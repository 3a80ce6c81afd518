/** A server of ours, as its users start it, and invocations of its functions over HTTP. */
import { Client, type Json, unbase64 } from "../tests/support/client.ts";
import { type ServerOptions, TestServer } from "../tests/support/server.ts";
import { HttpClient } from "./http_client.ts";
import { type Call, Rejected } from "./load.ts";
import { checkAnswer, type Workload } from "./workload.ts";

/**
 * One client sends what a thousand would, so the limits for one are off. A file may be as large as a commit. Nothing is logged for
 * each request: nobody would read it but the load generator.
 */
const FLAGS = [
  ...["--api-rate", "0", "--token-rate", "0", "--log-level", "warning"],
  ...["--max-file", "4MiB"],
];
/** Access tokens live for ten minutes. */
const TOKEN_AGE_MAX_MS = 8 * 60_000;

export class Invoked implements AsyncDisposable {
  #client: Promise<Client> | undefined;
  #clientSince = 0;

  readonly #http: HttpClient;

  private constructor(readonly server: TestServer) {
    this.#http = new HttpClient(server.url);
  }

  static async start({ flags = [], env, ...options }: ServerOptions = {}): Promise<Invoked> {
    return new Invoked(
      await TestServer.start({
        ...options,
        // Tests keep a smaller pool.
        env: { INVOKED_POOL_SIZE: "8", ...env },
        flags: [...FLAGS, ...flags],
      }),
    );
  }

  /** A client whose token is good for a while. */
  client(): Promise<Client> {
    if (this.#client === undefined || performance.now() > this.#clientSince + TOKEN_AGE_MAX_MS) {
      this.#clientSince = performance.now();
      this.#client = this.server.client();
    }
    return this.#client;
  }

  /** Deploys and publishes the function; answers its id. */
  async deploy({ source }: Workload): Promise<string> {
    return await (await this.client()).deploy(source);
  }

  /** Returns the request of a synchronous invocation, whose end is durable before the server answers. */
  call(functionId: string, workload: Workload, who = "invoked"): Call {
    const json = new TextEncoder().encode(workload.input).toBase64();
    const body = JSON.stringify({ json });
    const path = `/api/v1/functions/${functionId}/invoke`;
    return async () => {
      const { token } = await this.client();
      const answer = await this.#http.post(path, `authorization: Bearer ${token}\r\n`, body);
      if (answer.status === 429) {
        throw new Rejected(
          who,
          1000 * Number(/\r\nretry-after: (\d+)/.exec(answer.head)?.[1] ?? 1),
        );
      }
      if (answer.status !== 200) {
        throw new Error(`${who} answered ${answer.status}: ${answer.body}`);
      }
      checkAnswer(who, unbase64(JSON.parse(answer.body).json), workload);
    };
  }

  /** Posts and answers the body. @throws where the status is not 200 */
  async post(path: string, body: unknown): Promise<Json> {
    return bodyOf(await (await this.client()).post(path, body), path);
  }

  async get(path: string): Promise<Json> {
    return bodyOf(await (await this.client()).get(path), path);
  }

  /** Changes one field of a function; false where the server does not know it or the value. */
  async set(functionId: string, field: string, value: unknown): Promise<boolean> {
    const request = { function: { id: functionId, [field]: value }, updateMask: field };
    const { status, body } = await (await this.client()).post("/api/v1/functions/update", request);
    return status === 200 && body.function[field] === value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

function bodyOf(answer: { status: number; body: Json }, path: string): Json {
  if (answer.status === 200) return answer.body;
  throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

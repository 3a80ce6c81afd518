import { getLogger } from "@logtape/logtape";
import { type NatsConnection, nuid, type Stats, type TlsOptions } from "@nats-io/transport-node";
import { readTextFile } from "../../shared/files.ts";
import { pause } from "../../shared/pause.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import { connectError, deniedOperation, NatsUnreachable, NatsUnusable } from "./errors.ts";
import { inboxOf } from "./subjects.ts";
import { connectNats } from "./transport.ts";
import { warnOf } from "./worker_warnings.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How to reach NATS; each is a named setting in `src/config`. */
export interface NatsOptions {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`; all of one scheme. */
  readonly urls: readonly string[];
  /** An NKey seed of a user, or a file `.creds`; undefined on loopback alone. */
  readonly credentialsFile: string | undefined;
  /** Certificates in PEM that servers may have besides public certificates. */
  readonly caFile: string | undefined;
}

/** The oldest version of nats-server that is tested. */
const OLDEST_VERSION = [2, 10] as const;
/** For a NATS that is there, also on a busy machine. */
const CONNECT_TIMEOUT_MS = 20_000;
/** A connection is given up when the next ping is due and {@link PINGS_OUT_MAX} are unanswered: within 4.5 s. */
const PING_INTERVAL_MS = 1_500;
const PINGS_OUT_MAX = 2;
/** Pause between two attempts of {@link Nats.awaited}. */
const START_AGAIN_MS = 1_000;
/** Pause before work after a new connection is repeated. */
const REPEAT_MS = 1_000;
/** How long a message of {@link Nats.publishSoon} waits for the next message. */
const SOON_MS = 20;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/;

/** A connection to NATS that reconnects for ever. Messages that are sent while NATS is unreachable may be lost. */
export class Nats implements AsyncDisposable {
  #isUp = true;
  #error: string | undefined;
  /**
   * Rejects each request that has no reply yet, once the connection is lost, because replies would be lost, too. Each
   * request leaves with its end: one promise for all would keep every reply as long as NATS is up.
   */
  readonly #requests = new Set<(error: Error) => void>();
  /** The first operation that NATS did not permit. */
  #denial: Error | undefined;
  readonly #onReconnected: (() => Promise<unknown>)[] = [];
  /** What waits for others, and leaves in this order. */
  readonly #waiting: { readonly subject: string; readonly bytes: Uint8Array }[] = [];
  #sending: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    readonly connection: NatsConnection,
    /** The public NKey of the user; without authentication a random id. */
    readonly id: string,
    /** As configured, for messages. */
    readonly urls: string,
  ) {
    this.#watch();
  }

  /**
   * Connects, and checks that NATS authenticates its clients, or that it is on loopback.
   * @param role names the client in the lists of NATS
   * @throws NatsUnusable
   */
  static async connect(options: NatsOptions, role: string): Promise<Nats> {
    const { urls, credentialsFile } = options;
    const shown = urls.join(", ");
    const credentials = credentialsFile === undefined
      ? undefined
      : await readCredentials(credentialsFile);
    const id = credentials?.id ?? nuid.next();
    const connection = await dial(options, credentials, { id, role }).catch((error) => {
      throw connectError(error, shown);
    });
    try {
      checkVersion(connection, shown);
      checkAuthentication(connection, credentials);
      return new Nats(connection, id, shown);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /**
   * The same for a NATS that may start later: tries again as long as nobody answers there.
   * @param stopping ends the attempts
   * @throws NatsUnusable; NatsUnreachable once `stopping` aborts
   */
  static async awaited(options: NatsOptions, role: string, stopping: AbortSignal): Promise<Nats> {
    for (let reported: string | undefined;;) {
      try {
        return await Nats.connect(options, role);
      } catch (error) {
        if (!(error instanceof NatsUnreachable) || stopping.aborted) throw error;
        if (reported !== error.message) {
          logger.warn("Waiting for NATS: {error}", { error: error.message });
        }
        reported = error.message;
        await pause(START_AGAIN_MS, stopping);
      }
    }
  }

  /** Why NATS cannot be used now; undefined while it can. */
  get error(): string | undefined {
    if (this.#error !== undefined) return this.#error;
    return this.#isUp ? undefined : `NATS at ${this.urls} is unreachable`;
  }

  /** Messages and bytes of all connections since the start. */
  get traffic(): Stats {
    return this.connection.stats();
  }

  /** Largest message in bytes. */
  get payloadBytesMax(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024;
  }

  /** Publishes if NATS is there; a message that would wait for a new connection is dropped. */
  publish(subject: string, bytes: Uint8Array, reply?: string): void {
    this.#sendWaiting();
    this.#publish(subject, bytes, reply);
  }

  /**
   * As {@link publish}, but with the next message, in one write to the socket, or after {@link SOON_MS}: for messages that
   * nobody waits for.
   */
  publishSoon(subject: string, bytes: Uint8Array): void {
    if (this.connection.isClosed()) return;
    this.#waiting.push({ subject, bytes });
    this.#sending ??= setTimeout(() => this.#sendWaiting(), SOON_MS);
  }

  /** Sends the frames of a channel to a subject. */
  sender(subject: string): (frame: Uint8Array, isUrgent: boolean) => void {
    return (frame, isUrgent) =>
      isUrgent ? this.publish(subject, frame) : this.publishSoon(subject, frame);
  }

  /** Sends a request, and returns the reply. Rejects without a reply in time, without a listener, and once NATS is lost. */
  async request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.error !== undefined) throw new Error(this.error);
    this.#sendWaiting();
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#requests.add(reject);
    try {
      this.connection.request(subject, bytes, { timeout: timeoutMs })
        .then(({ data }) => resolve(data), reject);
      return await promise;
    } finally {
      this.#requests.delete(reject);
    }
  }

  /** Resolves once NATS has taken all that was sent. @throws what NATS did not permit, now or before */
  async flushed(): Promise<void> {
    await this.connection.flush();
    // The status of the connection is reported in a later turn.
    await later(0);
    if (this.#denial !== undefined) throw this.#denial;
  }

  /** Resolves once NATS has taken all that was sent, the connection is lost, or the time is over. */
  async taken(timeoutMs: number): Promise<void> {
    if (!this.#isUp) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    try {
      await Promise.race([this.connection.flush().catch(() => {}), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes the messages of a subject. @param onMessage must not throw */
  subscribe(
    subject: string,
    onMessage: (message: ReceivedMessage) => void,
    queue?: string,
  ): Disposable {
    const subscription = this.connection.subscribe(subject, {
      ...queue === undefined ? {} : { queue },
      callback: (error, message) => {
        if (error !== null) return this.#report(error);
        onMessage({
          subject: message.subject,
          bytes: message.data,
          reply: message.reply ?? "",
          isUnheard: message.headers?.code === 503,
          respond: (bytes) => {
            if (message.reply) this.publish(message.reply, bytes);
          },
        });
      },
    });
    return { [Symbol.dispose]: () => subscription.unsubscribe() };
  }

  /** From here on does this after each new connection, again until it succeeds: messages and contents may be lost. */
  onReconnected(work: () => Promise<unknown>): void {
    this.#onReconnected.push(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sendWaiting();
    if (this.connection.isClosed()) return;
    // The last messages should be sent; an unreachable NATS does not delay the end.
    if (this.#isUp) await Promise.race([this.connection.flush().catch(() => {}), later(1_000)]);
    await this.connection.close();
  }

  #publish(subject: string, bytes: Uint8Array, reply?: string): void {
    if (!this.#isUp || this.connection.isClosed() || this.connection.isDraining()) return;
    this.connection.publish(subject, bytes, reply === undefined ? {} : { reply });
  }

  #sendWaiting(): void {
    clearTimeout(this.#sending);
    this.#sending = undefined;
    for (const { subject, bytes } of this.#waiting.splice(0)) this.#publish(subject, bytes);
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect") {
        this.#isUp = false;
        const lost = new Error(`NATS at ${this.urls} is unreachable`);
        for (const reject of this.#requests) reject(lost);
        logger.warn("NATS at {urls} is unreachable", { urls: this.urls });
      } else if (status.type === "reconnect") {
        this.#reconnected();
      } else if (status.type === "error") this.#report(status.error);
      else if (status.type === "close") this.#isUp = false;
    }
  }

  /** Another server of the list may be configured differently. */
  #reconnected(): void {
    const host = hostOf(this.connection.getServer());
    if (!this.connection.info?.auth_required && !LOOPBACK.test(host)) {
      this.#error = unauthenticated(host);
      logger.error("{error}", { error: this.#error });
      this.connection.close();
      return;
    }
    this.#isUp = true;
    logger.info("NATS at {urls} is connected again", { urls: this.urls });
    for (const work of this.#onReconnected) this.#repeat(work);
  }

  async #repeat(work: () => Promise<unknown>): Promise<void> {
    while (this.#isUp && !this.connection.isClosed()) {
      try {
        return void await work();
      } catch (error) {
        logger.debug("Failed to begin again after a new connection: {error}", { error });
        await later(REPEAT_MS);
      }
    }
  }

  #report(error: Error): void {
    const denied = deniedOperation(error);
    const [, inbox] = /^publish _INBOX\.([^.]+)\./.exec(denied ?? "") ?? [];
    // The worker had its reply, or its request is too old. No permission of this user is missing.
    if (inbox !== undefined && inbox !== this.id) {
      return warnOf(
        inbox,
        "NATS does not permit a reply to {worker}: user {id} may send one for each request, within 30 s, if its " +
          "permissions have allow_responses",
        { id: this.id },
      );
    }
    if (denied === undefined) logger.warn("NATS: {message}", { message: error.message });
    else {
      this.#denial ??= error;
      logger.error("NATS does not permit {denied}; correct the permissions of user {id}", {
        denied,
        id: this.id,
      });
    }
  }
}

/** A message of a subscription. */
export interface ReceivedMessage {
  readonly subject: string;
  /** Valid until the handler returns. */
  readonly bytes: Uint8Array;
  /**
   * Where the sender wants the reply; empty without such a subject. NATS lets every sender name any subject, such as a
   * subject that only the receiver may publish: a receiver of messages from workers checks it before it responds.
   */
  readonly reply: string;
  /** True for the notice of NATS that nobody listens to what was published with this subject for replies. */
  readonly isUnheard: boolean;
  /** As {@link Nats.publish}: a reply after the end of the connection is dropped. */
  respond(bytes: Uint8Array): void;
}

async function dial(
  { urls, caFile }: NatsOptions,
  credentials: Credentials | undefined,
  { id, role }: { readonly id: string; readonly role: string },
): Promise<NatsConnection> {
  const isTls = urls.some((url) => url.startsWith("tls:"));
  const tls: TlsOptions | undefined = isTls
    ? caFile === undefined ? {} : { ca: await readTextFile(caFile) }
    : undefined;
  return await connectNats({
    servers: urls.map((url) => url.replace(/^tls:/, "nats:")),
    name: `invoked ${role}`,
    inboxPrefix: inboxOf(id),
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    // Revoked credentials may be given back: the log names them meanwhile.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_OUT_MAX,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    ...tls === undefined ? {} : { tls },
    ...credentials === undefined ? {} : { authenticator: credentials.authenticator },
  });
}

function checkVersion({ info }: NatsConnection, urls: string): void {
  const version = info?.version ?? "";
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  const isOld = Number(major) < oldestMajor ||
    Number(major) === oldestMajor && Number(minor) < oldestMinor;
  // A version in another form is one of a build of its own.
  if (!isOld) return;
  throw new NatsUnusable(
    `NATS at ${urls} is too old: its version is ${version}, and the oldest supported is ` +
      `${OLDEST_VERSION.join(".")}; upgrade nats-server`,
  );
}

function checkAuthentication(
  connection: NatsConnection,
  credentials: Credentials | undefined,
): void {
  const host = hostOf(connection.getServer());
  if (connection.info?.auth_required) return;
  if (!LOOPBACK.test(host)) throw new NatsUnusable(unauthenticated(host));
  if (credentials !== undefined) {
    throw new NatsUnusable(
      `NATS at ${host} does not ask for --nats-credentials; ` +
        "configure its users, or omit the setting",
    );
  }
}

function unauthenticated(host: string): string {
  return `NATS at ${host} accepts clients without authentication, which is allowed ` +
    "only on loopback; configure its users, and give --nats-credentials";
}

/** The host of `HOST:PORT`. */
function hostOf(server: string): string {
  return server.slice(0, server.lastIndexOf(":"));
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

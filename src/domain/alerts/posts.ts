import { getLogger } from "@logtape/logtape";
import { Webhook } from "standardwebhooks";
import { countOf, formatDuration, type Secret, type SecretUrl } from "../../config/mod.ts";
import type { PublicPost } from "../../sandbox/mod.ts";
import { backoffMs } from "../../shared/backoff.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { pause } from "../../shared/pause.ts";
import type { AlertPostRow } from "../../store/alerts.ts";
import type { Store } from "../../store/mod.ts";
import type { Node } from "../ownership/contract.ts";
import { messageOf, type PostedAlert } from "./message.ts";

const logger = getLogger(["invoked", "alerts"]);

/** Alerts of one post; more follow in further posts. */
const ALERTS_PER_POST = 50;
/** How long an attempt keeps other nodes from posting: longer than it can take. */
const ATTEMPT_MS = 60_000;
/** Bounds of the random wait after a failed attempt, which doubles with each. */
const BACKOFF = { initialMs: 2_000, maxMs: 5 * 60_000 } as const;
/** An end that could not be posted is given up after this time. */
const UNPOSTED_END_MS = 24 * 60 * 60_000;
/** A time of the next attempt that is later comes from a clock that was set back since. */
const WAIT_MAX_MS = Math.max(ATTEMPT_MS, BACKOFF.maxMs);
/** How long a stop waits for an attempt under way. */
const STOP_MS = 2_000;
const ERROR_CHARS_MAX = 512;

/** Where alerts go. */
export interface AlertReceiver {
  readonly url: SecretUrl;
  /** Signs posts, by Standard Webhooks; undefined for unsigned posts. */
  readonly secret: Secret | undefined;
}

/** What a receiver answered. */
export type PostOutcome =
  | { readonly status: number; readonly error: undefined }
  /** Why the receiver has not taken the post; the status is undefined without an answer. */
  | { readonly status: number | undefined; readonly error: string };

interface PostParts {
  readonly store: Store;
  readonly node: Node;
  readonly post: PublicPost;
  /** Undefined for a server that posts no alerts. */
  readonly receiver: AlertReceiver | undefined;
  /** Base URL of the server, without a trailing slash. */
  readonly url: string;
}

/**
 * Posts the beginnings and ends of alerts, in the order of the beginnings, until the receiver takes them. One node posts:
 * the one with the lease for housekeeping, which first claims the attempt in the database. A post may arrive twice, with
 * the same `webhook-id`, if the server ends before it has recorded the answer. Disposing it waits shortly for the attempt
 * under way.
 *
 * Modes: `open`; `stopped`. Transition: open → stopped.
 */
export class AlertPosts implements AsyncDisposable {
  readonly #lifecycle = new Lifecycle<"open" | "stopped">("the posts of alerts", "open", {
    open: ["stopped"],
    stopped: [],
  });
  #posting: Promise<void> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly parts: PostParts) {}

  get hasReceiver(): boolean {
    return this.parts.receiver !== undefined;
  }

  /** Posts every begin and end that has not been posted, and tries again after a failure. Never throws. */
  start(): void {
    if (!this.#lifecycle.is("open")) return;
    clearTimeout(this.#retry);
    this.#posting ??= this.#postAll().catch((error) => {
      if (!this.#lifecycle.is("open")) return;
      logger.error("Failed to post alerts: {error}", { error });
    }).finally(() => this.#posting = undefined);
  }

  /** Posts alerts once, and answers what the receiver said. @param receiver of this server */
  async send(receiver: AlertReceiver, rows: readonly PostedAlert[]): Promise<PostOutcome> {
    const { post, url } = this.parts;
    const { id, body } = messageOf(rows, url);
    const now = new Date();
    const signed = receiver.secret === undefined ? {} : {
      "webhook-signature": new Webhook(receiver.secret.reveal()).sign(id, now, body),
    };
    try {
      const status = await post({
        url: receiver.url.reveal(),
        allowlist: undefined,
        body,
        headers: {
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
          ...signed,
        },
      });
      if (status >= 200 && status < 300) return { status, error: undefined };
      const isRedirect = status >= 300 && status < 400;
      const more = isRedirect ? ", and the server follows no redirects" : "";
      return { status, error: `it answered ${status}${more}` };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { status: undefined, error: reason.slice(0, ERROR_CHARS_MAX) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifecycle.set("stopped");
    clearTimeout(this.#retry);
    if (this.#posting === undefined) return;
    const ended = new AbortController();
    this.#posting.finally(() => ended.abort());
    await pause(STOP_MS, ended.signal);
  }

  async #postAll(): Promise<void> {
    const { store: { read }, node, receiver } = this.parts;
    if (receiver === undefined) return;
    while (this.#lifecycle.is("open") && node.holds("housekeeping")) {
      if (await read.alerts.countUnposted() === 0) return;
      const posts = await read.alerts.posts();
      const waitMs = Date.parse(posts.dueAt) - Date.now();
      if (waitMs > 0 && waitMs <= WAIT_MAX_MS) return this.#retryIn(waitMs);
      if (!await this.#claim(posts)) return;
      await this.#postNext(receiver, posts);
    }
  }

  /** Claims the next attempt to post for this node, and gives up ends that the receiver has not taken for long. */
  async #claim(posts: AlertPostRow): Promise<boolean> {
    const nowMs = Date.now();
    const until = new Date(nowMs + ATTEMPT_MS).toISOString();
    const given = await this.parts.store.write(async (tx) =>
      await tx.alerts.begin(posts, until)
        ? await tx.alerts.deleteEnded(new Date(nowMs - UNPOSTED_END_MS).toISOString())
        : undefined
    );
    if (given !== undefined && given > 0) {
      logger.error("The ends of {alerts} could not be posted within {time}, and are given up", {
        alerts: countOf(given, "alert"),
        time: formatDuration(UNPOSTED_END_MS),
      });
    }
    return given !== undefined;
  }

  /** Reads again after the claim: the node before may have posted what was found. */
  async #postNext(
    receiver: AlertReceiver,
    { attempts, failingSince }: AlertPostRow,
  ): Promise<void> {
    const { store } = this.parts;
    const begunAt = new Date().toISOString();
    const rows = await store.read.alerts.unposted(ALERTS_PER_POST);
    const outcome = rows.length === 0 ? undefined : await this.send(receiver, rows);
    const error = outcome?.error;
    if (error === undefined) {
      await store.write((tx) => tx.alerts.posted(rows));
      if (failingSince !== null) logger.info("Alerts are posted again to {url}", labelOf(receiver));
      return;
    }
    const dueAt = new Date(Date.now() + backoffMs(BACKOFF, attempts + 1)).toISOString();
    const change = { failingSince: failingSince ?? begunAt, error, dueAt };
    await store.write((tx) => tx.alerts.putPosts(change));
    if (failingSince === null) {
      logger.error("Alerts cannot be posted to {url}: {error}; the server tries again", {
        ...labelOf(receiver),
        error,
      });
    }
  }

  #retryIn(ms: number): void {
    if (!this.#lifecycle.is("open")) return;
    this.#retry = setTimeout(() => this.start(), ms);
  }
}

function labelOf({ url }: AlertReceiver): { readonly url: string } {
  return { url: url.label };
}

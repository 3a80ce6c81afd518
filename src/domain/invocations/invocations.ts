import { Buffer } from "node:buffer";
import {
  type AdmissionRequest,
  type CallingInvocation,
  type Engine,
  type Job,
  QueueTimedOut,
} from "../../engine/contract.ts";
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { InvocationRow, InvocationStatus } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { admit, queueTimeout } from "./admission.ts";
import { Idempotency, type IdempotentRequest } from "./idempotency.ts";
import type { Ids } from "../ids.ts";
import type { Principal } from "../identity/mod.ts";
import { checkInput, type InputLimits } from "./input.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { anyFunction, commitToRun, invocationNotFound, liveFunction } from "../references.ts";
import type { Sessions } from "./sessions.ts";
import { liveVolume } from "../volumes/volumes.ts";

export interface Invoke {
  readonly functionId: string;
  /** A reference to a commit; empty means the published one. */
  readonly commitId: string;
  /** The input as bytes of JSON; undefined means `{}`. */
  readonly json: Uint8Array | undefined;
  /** Volume to attach; empty means none. */
  readonly vfsId: string;
  readonly idempotencyKey: string | undefined;
  /** How long the caller waits for the end. */
  readonly wait: { readonly kind: "until-end" } | { readonly kind: "at-most"; readonly ms: number };
}

/** Stands for all functions where invocations are searched (AIP-159). */
const ALL_FUNCTIONS = "-";

export interface InvocationFilter {
  readonly status?: InvocationStatus | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly query?: string | undefined;
  /** The invocation that made them. */
  readonly parentInvocationId?: string | undefined;
}

/** Invocations: calls of functions, each recorded before it runs and never forgotten. */
export class Invocations {
  readonly #idempotency: Idempotency;
  /** Calls on their way from their record, which others may see, to the engine. */
  readonly #starting = new Map<string, Promise<void>>();

  constructor(
    private readonly store: Store,
    private readonly engine: Engine,
    private readonly sessions: Sessions,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly limits: InputLimits,
  ) {
    this.#idempotency = new Idempotency(store);
  }

  /**
   * Calls a function. The answer is the invocation as it is when the wait is over. A function that calls waits for
   * the end, under no idempotency key: it must not wait for a call that may need its place.
   */
  async invoke(by: Principal, call: Invoke): Promise<InvocationRow> {
    const fn = await liveFunction(this.store.read, call.functionId);
    if (call.vfsId !== "") await liveVolume(this.store.read, call.vfsId);
    const inputJson = checkInput(call.json, this.limits);
    const request = this.#idempotency.request(by.id, call, inputJson);
    const first = await this.#idempotency.find(request);
    if (first !== undefined) {
      return await this.#afterWait(fn.id, first, this.#left(first), call);
    }
    const commit = await commitToRun(this.store.read, fn, call.commitId);
    return await this.#start(by, { fn, commit, inputJson, request, call });
  }

  async get(functionId: string, id: string): Promise<InvocationRow> {
    const row = await this.store.read.invocations.get(functionId, id);
    if (row !== undefined) return row;
    throw await invocationNotFound(this.store.read, functionId, id);
  }

  /** Invocations of a function, or of all (`-`), newest first. */
  async search(
    functionId: string,
    filter: InvocationFilter,
    query: PageQuery,
  ): Promise<ListPage<InvocationRow>> {
    const id = functionId === ALL_FUNCTIONS
      ? undefined
      : (await anyFunction(this.store.read, functionId)).id;
    const { status, since, until, query: text, parentInvocationId } = filter;
    const list = ["invocations", functionId, status, since, until, text, parentInvocationId];
    const page = this.pages.open(list, query);
    const search = { ...filter, functionId: id };
    const { rows, next } = await this.store.read.invocations.search(search, page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** Kills the invocation; one that has ended stays as it is. */
  async cancel(functionId: string, id: string): Promise<InvocationRow> {
    const row = await this.get(functionId, id);
    if (row.status === "SUCCESS" || row.status === "ERROR") return row;
    await this.#starting.get(id);
    await this.engine.cancel(id);
    return await this.get(functionId, id);
  }

  /**
   * After a restart: ends what was running, and what somebody was waiting for, as `INTERRUPTED:`; runs
   * what was accepted asynchronously and had not started. Call once, before the first invocation.
   */
  async recover(): Promise<{ interrupted: number; resumed: number }> {
    const rows = await this.store.read.invocations.unfinished();
    const resumable = rows.filter(({ mode, status }) => mode === "async" && status === "PENDING");
    const interrupted = rows.filter((row) => !resumable.includes(row));
    const now = new Date().toISOString();
    await Promise.all(
      interrupted.map(({ id, status }) =>
        this.store.write((tx) =>
          tx.invocations.finish(id, { end: { status: "ERROR", error: interruption(status) } }, now)
        )
      ),
    );
    for (const row of resumable) {
      const commit = await this.store.read.commits.get(
        row.functionId,
        row.commitId,
      ) as FinalizedCommitRow;
      const fn = await anyFunction(this.store.read, row.functionId);
      // The engine logs what it could not record; the row then waits for the next start.
      const job = this.#job(row, commit, fn, undefined);
      this.engine.submit(job, this.engine.readmit(callOf(row))).catch(() => {});
    }
    return { interrupted: interrupted.length, resumed: resumable.length };
  }

  async #start(by: Principal, start: {
    readonly fn: FunctionRow;
    readonly commit: FinalizedCommitRow;
    readonly inputJson: string;
    readonly request: IdempotentRequest | undefined;
    readonly call: Invoke;
  }): Promise<InvocationRow> {
    const { fn, commit, inputJson, request, call } = start;
    // Searches by time go by ids: both tell the same second.
    const { id, time } = this.ids.nextWithTime();
    const now = time.toISOString();
    const mode = call.wait.kind === "until-end" ? "sync" : "async";
    const caller = by.invocation;
    const wanted = callOf({ functionId: fn.id, input: inputJson, mode });
    const place = admit(this.engine, wanted, caller);
    const row: InvocationRow = {
      id,
      functionId: fn.id,
      commitId: commit.id,
      principalId: by.id,
      parentInvocationId: caller?.id ?? null,
      depth: caller === undefined ? 0 : caller.depth + 1,
      processReuse: fn.processReuse,
      mode,
      // Nobody resumes a synchronous call, so its start needs no record of its own.
      status: mode === "sync" && place.isGranted ? "RUNNING" : "PENDING",
      input: inputJson,
      output: null,
      error: null,
      volumeId: call.vfsId === "" ? null : call.vfsId,
      volumeVersionRead: null,
      volumeVersionWritten: null,
      createdAt: now,
      updatedAt: now,
    };
    using starting = this.#announceStart(row.id);
    const earlier = await this.#record(row, request).catch((error) => {
      place[Symbol.dispose]();
      throw error;
    });
    if (earlier !== undefined) {
      place[Symbol.dispose]();
      starting[Symbol.dispose]();
      return await this.#afterWait(fn.id, earlier, this.#left(earlier), call);
    }
    const ended = this.engine.submit(this.#job(row, commit, fn, caller), place);
    starting[Symbol.dispose]();
    if (call.wait.kind === "at-most") return await this.#afterWait(fn.id, row.id, ended, call);
    const end = await ended.catch((error) => {
      throw error instanceof QueueTimedOut ? queueTimeout(`Invocation ${row.id}`, error) : error;
    });
    return end === undefined ? await this.get(fn.id, row.id) : { ...row, ...end };
  }

  /** Says that a record of the invocation may be seen before the engine knows of it, until disposed. */
  #announceStart(id: string): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#starting.set(id, promise);
    return {
      [Symbol.dispose]: () => {
        this.#starting.delete(id);
        resolve();
      },
    };
  }

  /** Resolves when the invocation has ended or is not here. */
  async #left(id: string): Promise<void> {
    await this.#starting.get(id);
    await this.engine.left(id);
  }

  #job(
    row: InvocationRow,
    commit: FinalizedCommitRow,
    fn: FunctionRow,
    caller: CallingInvocation | undefined,
  ): Job {
    return {
      invocationId: row.id,
      scriptDigest: commit.scriptDigest,
      sourceMapDigest: commit.sourceMapDigest,
      inputJson: row.input,
      outboundAllowlist: JSON.parse(fn.outboundNetworkAllowlist) as string[],
      ...row.processReuse === "PROCESS_REUSE_SEQUENTIAL" ? { reuseKey: reuseKeyOf(row, fn) } : {},
      openSession: () => this.sessions.open(row),
      mode: row.mode,
      caller,
      recordedAs: row.status === "RUNNING" ? "RUNNING" : "PENDING",
    };
  }

  /** Makes the invocation durable. Answers the earlier one instead where its idempotency key was taken meanwhile. */
  async #record(
    row: InvocationRow,
    request: IdempotentRequest | undefined,
  ): Promise<string | undefined> {
    // Nobody was told the id of a call that somebody waits for, and its end is durable before it is told, and with it
    // all that was committed before. What a repeat must find, or a restart resume, is durable now.
    const until = row.status === "RUNNING" && request === undefined ? "committed" : "durable";
    return await this.store.write(async (tx) => {
      const earlier = request === undefined
        ? undefined
        : await this.#idempotency.holder(tx, request);
      if (earlier !== undefined) return earlier;
      await tx.invocations.insert(row);
      if (request !== undefined) await this.#idempotency.claim(tx, request, row);
      return undefined;
    }, until);
  }

  /** Waits for the end as long as the caller does, then reads what is recorded. */
  async #afterWait(
    functionId: string,
    id: string,
    ended: Promise<unknown>,
    call: Invoke,
  ): Promise<InvocationRow> {
    if (call.wait.kind === "until-end") await ended;
    else {
      const { promise: waited, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, call.wait.ms);
      await Promise.race([ended, waited]);
      clearTimeout(timer);
    }
    return await this.get(functionId, id);
  }
}

function callOf(
  { functionId, input, mode }: Pick<InvocationRow, "functionId" | "input" | "mode">,
): AdmissionRequest {
  return { functionId, inputBytes: Buffer.byteLength(input), mode };
}

/**
 * What may find the state that a call left in a reused process: a call of the same caller, on the same volume, with
 * nothing changed in the function since.
 */
function reuseKeyOf(
  { functionId, commitId, principalId, volumeId }: InvocationRow,
  { updatedAt }: FunctionRow,
): string {
  return JSON.stringify([functionId, commitId, principalId, volumeId, updatedAt]);
}

function interruption(status: InvocationStatus): string {
  return status === "RUNNING"
    ? "INTERRUPTED: the server stopped while it ran; some of its code may have run"
    : "INTERRUPTED: the server stopped before it started";
}

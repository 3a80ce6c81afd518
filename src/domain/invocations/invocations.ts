import { Buffer } from "node:buffer";
import type { Engine, Slot } from "../../engine/contract.ts";
import type { FinalizedCommitRow } from "../../store/commits.ts";
import type { FunctionRow } from "../../store/functions.ts";
import {
  INLINE_CONTENT_BYTES_MAX,
  type InvocationRecord,
  type InvocationRow,
  type InvocationStatus,
} from "../../store/invocations.ts";
import type { InvocationFilter as InvocationSelection } from "../../store/invocation_search.ts";
import type { Store } from "../../store/mod.ts";
import type { Content } from "../../shared/content.ts";
import type { Ids } from "../ids.ts";
import type { EffectiveLimits, FunctionLimits } from "../functions/limits.ts";
import { NO_VARIABLES } from "../functions/variables.ts";
import type { Principal } from "../identity/mod.ts";
import type { Node } from "../nodes/node.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import {
  ALL_FUNCTIONS,
  anyFunction,
  commitToRun,
  invocationNotFound,
  liveFunction,
} from "../references.ts";
import { liveVolume } from "../volumes/volumes.ts";
import { admit, queueTimeout } from "./admission.ts";
import type { Attempts } from "./attempts.ts";
import type { ExecutionResult, Executions } from "./execution.ts";
import { Idempotency, type IdempotentRequest } from "./idempotency.ts";
import { checkInput, type InputLimits } from "./input.ts";
import { admissionOf, executionOf, type OwnedRow } from "./planning.ts";

export interface Invoke {
  readonly functionId: string;
  /** A reference to a commit; empty means the published one. */
  readonly commitId: string;
  /** The input as bytes of JSON; undefined means `{}`. */
  readonly json: Uint8Array | undefined;
  /** Volume to attach; empty means none. */
  readonly vfsId: string;
  readonly idempotencyKey: string | undefined;
  /** How long the caller waits for the outcome. */
  readonly wait: { readonly kind: "until-end" } | { readonly kind: "at-most"; readonly ms: number };
}

/** What a caller learns of its call at the end of its wait. */
export interface InvokeAnswer {
  readonly id: string;
  readonly status: InvocationStatus;
  /** Null unless it succeeded. */
  readonly output: Content | null;
}

/** Which invocations a search finds. */
export type InvocationFilter = Omit<InvocationSelection, "functionId">;

/** Limits of calls, each a named setting in `src/config`. */
export interface CallLimits extends InputLimits {
  /** How often an asynchronous call may start. */
  readonly maxAttempts: number;
}

/** A call that passed every check and has no row yet. */
interface CheckedCall {
  readonly fn: FunctionRow;
  readonly limits: EffectiveLimits;
  readonly commit: FinalizedCommitRow;
  readonly inputJson: string;
  readonly volumeId: string | null;
  readonly request: IdempotentRequest | undefined;
  readonly call: Invoke;
}

/** Invocations: calls of functions, each recorded before it runs and never lost. */
export class Invocations {
  readonly #idempotency: Idempotency;
  /** Calls whose row others may see, and which the engine does not track yet. */
  readonly #starting = new Map<string, Promise<void>>();

  constructor(
    private readonly store: Store,
    private readonly engine: Engine,
    private readonly node: Node,
    private readonly executions: Executions,
    private readonly attempts: Attempts,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly inputLimits: CallLimits,
    private readonly limits: FunctionLimits,
  ) {
    this.#idempotency = new Idempotency(store);
  }

  /**
   * Calls a function. Answers the invocation as it is at the end of the wait. A nested call waits until its end and has no
   * idempotency key: it must not wait for a call that may need its slot.
   */
  async invoke(by: Principal, call: Invoke): Promise<InvokeAnswer> {
    const fn = await liveFunction(this.store.read, call.functionId);
    const volumeId = call.vfsId === "" ? fn.volumeId : call.vfsId;
    if (volumeId !== null) await liveVolume(this.store.read, volumeId);
    const inputJson = checkInput(call.json, this.inputLimits);
    const request = this.#idempotency.request(by.id, call, inputJson);
    const first = await this.#idempotency.find(request);
    if (first !== undefined) {
      return await this.#afterWait(fn.id, first, this.#left(first), call);
    }
    const commit = await commitToRun(this.store.read, fn, call.commitId);
    return await this.#start(by, {
      fn,
      limits: this.limits.of(fn),
      commit,
      inputJson,
      volumeId,
      request,
      call,
    });
  }

  async get(functionId: string, id: string): Promise<InvocationRecord> {
    const row = await this.store.read.invocations.get(functionId, id);
    if (row !== undefined) return row;
    throw await invocationNotFound(this.store.read, functionId, id);
  }

  /** Invocations of a function, or of all (`-`), newest first. */
  async search(
    functionId: string,
    filter: InvocationFilter,
    query: PageQuery,
  ): Promise<ListPage<InvocationRecord>> {
    const id = functionId === ALL_FUNCTIONS
      ? undefined
      : (await anyFunction(this.store.read, functionId)).id;
    const { status, since, until, query: text, parentInvocationId, idPrefix } = filter;
    const selection = [status, since, until, text, parentInvocationId, idPrefix];
    const list = ["invocations", functionId, ...selection];
    const page = this.pages.open(list, query);
    const search = { ...filter, functionId: id };
    const { rows, next } = await this.store.read.invocations.search(search, page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** The invocation of a call of this principal with the key within 24 hours, in a list. */
  async ofIdempotencyKey(
    by: Principal,
    functionId: string,
    key: string,
  ): Promise<InvocationRecord[]> {
    const fn = await anyFunction(this.store.read, functionId);
    const id = await this.#idempotency.invocationOf(by.id, fn.id, key);
    return id === undefined ? [] : [await this.get(fn.id, id)];
  }

  /** Kills the invocation; one that has ended is left unchanged. */
  async cancel(functionId: string, id: string): Promise<InvocationRecord> {
    const row = await this.get(functionId, id);
    if (row.status === "SUCCESS" || row.status === "ERROR") return row;
    await this.#starting.get(id);
    await this.executions.recorded(id, this.engine.cancel(id));
    return await this.get(functionId, id);
  }

  /** Requests a slot, writes the row, and runs the invocation. */
  async #start(by: Principal, checked: CheckedCall): Promise<InvokeAnswer> {
    const { fn, limits, commit, inputJson, request, call } = checked;
    const mode = call.wait.kind === "until-end" ? "sync" : "async";
    const caller = by.invocation;
    this.node.assertLive(`Cannot call function ${fn.id}`);
    const admission = admissionOf({ functionId: fn.id, input: inputJson, mode, ...limits });
    const slot = admit(this.engine, admission, caller);
    const row = this.#newRow(by, checked, mode, slot);
    using starting = this.#announceStart(row.id);
    const earlier = await this.#record(row, request).catch((error) => {
      slot[Symbol.dispose]();
      throw error;
    });
    if (earlier !== undefined) {
      slot[Symbol.dispose]();
      starting[Symbol.dispose]();
      return await this.#afterWait(fn.id, earlier, this.#left(earlier), call);
    }
    const execution = executionOf(row, { fn, commit, limits, variables: fn.variables });
    const ended = this.attempts.run({ execution, admission }, slot, caller?.signal);
    starting[Symbol.dispose]();
    if (call.wait.kind === "at-most") return await this.#afterWait(fn.id, row.id, ended, call);
    const result = await this.executions.recorded(row.id, ended);
    return await this.#answer(row, result, caller !== undefined);
  }

  #newRow(
    by: Principal,
    { fn, limits, commit, inputJson, volumeId }: CheckedCall,
    mode: InvocationRow["mode"],
    slot: Slot,
  ): OwnedRow {
    // Searches by time use ids: both have the same second.
    const { id, time } = this.ids.nextWithTime();
    const now = time.toISOString();
    const caller = by.invocation;
    // A restart does not resume a synchronous call, so its start needs no record of its own.
    const isStarted = mode === "sync" && slot.isGranted;
    return {
      id,
      functionId: fn.id,
      commitId: commit.id,
      principalId: by.id,
      parentInvocationId: caller?.invocationId ?? null,
      depth: caller === undefined ? 0 : caller.depth + 1,
      processReuse: fn.processReuse,
      mode,
      status: isStarted ? "RUNNING" : "PENDING",
      input: inputJson,
      output: null,
      error: null,
      ...limits,
      // A restart resumes asynchronous calls alone.
      variables: mode === "async" && fn.variables !== NO_VARIABLES ? fn.variables : null,
      volumeId,
      volumeVersionRead: null,
      volumeVersionWritten: null,
      processKind: null,
      attempt: isStarted ? 1 : 0,
      maxAttempts: mode === "async" ? this.inputLimits.maxAttempts : 1,
      owner: this.node.id,
      worker: null,
      createdAt: now,
      updatedAt: now,
    };
  }

  /**
   * The invocation after its end. Its output is not read where the outcome is known, except for a nested call: a large one
   * is read from the store when it is sent. @throws QUEUE_TIMEOUT
   */
  async #answer(
    { id, functionId }: InvocationRow,
    result: ExecutionResult,
    isNested: boolean,
  ): Promise<InvokeAnswer> {
    switch (result.kind) {
      case "recorded": {
        const { outcome } = result;
        if (outcome.kind === "error") return { id, status: "ERROR", output: null };
        const output = Buffer.from(outcome.outputJson);
        if (isNested && output.length > INLINE_CONTENT_BYTES_MAX) {
          return await this.get(functionId, id);
        }
        return { id, status: "SUCCESS", output };
      }
      case "queue-timeout":
        throw queueTimeout(`invocation ${id}`, this.engine.queueTimeoutMs);
      case "to-repeat":
      case "not-run":
        return await this.get(functionId, id);
    }
  }

  /** Marks a row as visible before the engine tracks its run, until disposed. */
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

  /** Resolves when the invocation has ended or does not run here. */
  async #left(id: string): Promise<void> {
    await this.#starting.get(id);
    await this.engine.left(id);
  }

  /** Makes the invocation durable. Answers the earlier one instead when its idempotency key was taken meanwhile. */
  async #record(
    row: InvocationRow,
    request: IdempotentRequest | undefined,
  ): Promise<string | undefined> {
    // A synchronous call has no id outside the server yet, and its outcome is durable before it is answered, together with
    // all that was committed before. What a repeat must find, or a restart must resume, is durable now.
    const durability = row.status === "RUNNING" && request === undefined ? "committed" : "durable";
    return await this.store.write(async (tx) => {
      const earlier = request === undefined
        ? undefined
        : await this.#idempotency.holder(tx, request);
      if (earlier !== undefined) return earlier;
      await tx.invocations.insert(row);
      if (request !== undefined) await this.#idempotency.claim(tx, request, row);
      return undefined;
    }, durability);
  }

  /** Waits for the end as long as the caller does, then reads the record. */
  async #afterWait(
    functionId: string,
    id: string,
    ended: Promise<unknown>,
    call: Invoke,
  ): Promise<InvokeAnswer> {
    if (call.wait.kind === "until-end") await this.executions.recorded(id, ended);
    else {
      const { promise: waited, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, call.wait.ms);
      await Promise.race([ended, waited]);
      clearTimeout(timer);
    }
    return await this.get(functionId, id);
  }
}

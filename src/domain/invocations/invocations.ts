import { Buffer } from "node:buffer";
import type { AdmissionRequest, Engine } from "../../engine/contract.ts";
import type { InvocationNotifier } from "../../engine/notifier.ts";
import { storedContent } from "../../shared/json_text.ts";
import { errorColumns } from "../../store/failures.ts";
import {
  INLINE_CONTENT_BYTES_MAX,
  type InvocationRecord,
  type InvocationRow,
} from "../../store/invocations.ts";
import type { Readers, Store, Writers } from "../../store/mod.ts";
import type { OutboxRow } from "../../store/outbox.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import { flowLimitsOf } from "../functions/flow_settings.ts";
import type { FunctionLimits } from "../limits.ts";
import type { FunctionScope, Principal } from "../identity/mod.ts";
import type { Ownership } from "../ownership/contract.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import { anyFunction, commitToRun, invocationNotFound, liveFunction } from "../references.ts";
import {
  type AcceptedCall,
  API_TRIGGER,
  checkInput,
  Idempotency,
  type InputLimits,
  type Invoke,
  type InvokeAnswer,
  newRow,
  recordRow,
  type RowParts,
  type Skip,
  type SkipErrorCode,
} from "./invoke.ts";
import {
  admit,
  assertAdmitting,
  inputKey,
  KeyIsBusy,
  noJsonHandler,
  overdue,
  queueTimeout,
  reportingRejection,
} from "./admission.ts";
import { admissionOf, type Attempt, attemptsOf, runningLimitOf } from "./attempt.ts";
import { volumeToAttach } from "./attached_volume.ts";
import type { Attempts } from "./attempts.ts";
import type { Backlog } from "./backlog.ts";
import type { Cancellation } from "./cancellation.ts";
import { checkInvokeAt, delayInvocation } from "./delay.ts";
import type { InvocationEnds } from "./ends.ts";
import type { ExecutionResult, Executions } from "./execution.ts";
import { limitOf, type LimitWaits } from "./limit_waits.ts";
import { rateLimited } from "./rate_limit.ts";
import { notFound } from "../errors.ts";

export { AlreadyStarted, type Invoke, type InvokeAnswer, type Skip } from "./invoke.ts";

/** Limits of invocations, each a named setting in `src/config`. */
interface InvocationLimits extends InputLimits {
  /** How often an asynchronous invocation may start. */
  readonly maxAttempts: number;
  /** How far in the future the time of a delayed invocation may be. */
  readonly maxDelayMs: number;
  /** Invocations of one function that wait for their time. */
  readonly maxDelayed: number;
}

/** What an invocation is checked with: the readers of the store, or of an open transaction. */
type CheckReaders = Pick<Readers, "functions" | "commits"> & Pick<Writers | Readers, "volumes">;

/** What invocations work with. */
interface InvocationParts extends RowParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly executions: Executions;
  readonly attempts: Attempts;
  readonly ends: InvocationEnds;
  readonly cancellation: Cancellation;
  readonly backlog: Backlog;
  readonly inputLimits: InvocationLimits;
  readonly limits: FunctionLimits;
  readonly scheduler: Scheduler;
  readonly limitWaits: LimitWaits;
  readonly notifier: InvocationNotifier;
  readonly telemetry: Telemetry;
}

/** Waits for the answer to a call that was accepted. Call it once. */
type Answering = () => Promise<InvokeAnswer>;

/** Invocations of functions, each recorded before it runs and never lost. */
export class Invocations {
  readonly #idempotency: Idempotency;

  constructor(private readonly parts: InvocationParts) {
    this.#idempotency = new Idempotency(parts.store);
  }

  /**
   * Invokes a function. Returns the invocation as it is at the end of the wait. A nested invocation waits until its end
   * and has no idempotency key: it must not wait for an invocation that may need its slot.
   */
  async invoke(by: Principal, request: Invoke): Promise<InvokeAnswer> {
    const receivedMs = performance.now();
    const checked = await this.#check(by, request);
    const { fn, mode, concurrencyKey: key, idempotency } = checked;
    // A repeated request returns the first invocation, also when its time has passed.
    const first = idempotency && await this.#idempotency.find(idempotency);
    if (first !== undefined) {
      return await this.#afterWait(fn.id, first, request);
    }
    const commit = await commitToRun(this.parts.store.read, fn, request.commitId);
    const accepted = { ...checked, commit };
    if (request.notBefore !== undefined && request.trigger === undefined) {
      checkInvokeAt(request.notBefore, this.parts.inputLimits.maxDelayMs);
    }
    const isPaused = this.parts.ownership.node.pause.current !== undefined;
    const isDelayed = request.notBefore !== undefined ||
      (mode === "async" && (isPaused || flowLimitsOf(fn) !== undefined));
    const started = isDelayed
      ? this.#delay(accepted)
      : key === null
      ? this.#start(accepted, receivedMs)
      : this.#startWithKey(accepted, key, receivedMs);
    // From here on, the record of the invocation reports how it ends.
    const answered = await reportingRejection(this.parts.telemetry, fn, started);
    return await answered();
  }

  /** Records an invocation that is not started: it has ended as `SKIPPED:`. Returns its id. */
  async skip(by: Principal, request: Invoke, skip: Skip): Promise<string> {
    const { store } = this.parts;
    const { row, accepted } = await this.#skipped(store.read, by, request, skip);
    await recordRow(store, this.#idempotency, row, accepted);
    return row.id;
  }

  /** The row of {@link skip}, for a transaction that records it. */
  async skippedRow(
    tx: Writers,
    by: Principal,
    request: Invoke,
    skip: Skip,
  ): Promise<InvocationRow> {
    return (await this.#skipped(tx, by, request, skip)).row;
  }

  async #skipped(read: CheckReaders, by: Principal, request: Invoke, { reason, message }: Skip) {
    const checked = await this.#check(by, request, read);
    const commit = await commitToRun(read, checked.fn, request.commitId);
    const accepted = { ...checked, commit };
    const row: InvocationRow = {
      ...newRow(this.parts, accepted, { isStarted: false, owner: null }),
      status: "ERROR",
      skipReason: reason,
      ...errorColumns({ code: "SKIPPED" satisfies SkipErrorCode, message }),
      variables: null,
    };
    return { row, accepted };
  }

  async get(functionId: string, id: string): Promise<InvocationRecord> {
    const row = await this.parts.store.read.invocations.get(functionId, id);
    if (row !== undefined) return row;
    throw await invocationNotFound(this.parts.store.read, functionId, id);
  }

  /** An invocation of any function. @throws INVOCATION_NOT_FOUND */
  async getAny(id: string, within: FunctionScope): Promise<InvocationRecord> {
    const row = await this.parts.store.read.invocations.getAny(id);
    if (row !== undefined && (within === "all" || within.has(row.functionId))) return row;
    throw notFound("INVOCATION_NOT_FOUND", "Invocation", id, "does not exist, or was purged");
  }

  /** The end of an invocation on its way to a destination; undefined without one. */
  sentEnd(id: string): Promise<OutboxRow | undefined> {
    return this.parts.store.read.outbox.of(id);
  }

  /** The invocation that this principal made with the key within 24 hours, in a list. */
  async ofIdempotencyKey(
    by: Principal,
    functionId: string,
    key: string,
  ): Promise<InvocationRecord[]> {
    const fn = await anyFunction(this.parts.store.read, functionId);
    const id = await this.#idempotency.invocationOf(by.id, fn.id, key);
    return id === undefined ? [] : [await this.get(fn.id, id)];
  }

  /** Kills the invocation; one that has ended is left unchanged. */
  async cancel(functionId: string, id: string): Promise<InvocationRecord> {
    const row = await this.get(functionId, id);
    if (row.status === "SUCCESS" || row.status === "ERROR") return row;
    await this.parts.cancellation.cancel(functionId, id);
    return await this.get(functionId, id);
  }

  /** Checks everything about an invocation but its commit. */
  async #check(
    by: Principal,
    request: Invoke,
    read: CheckReaders = this.parts.store.read,
  ): Promise<Omit<AcceptedCall, "commit">> {
    const { inputLimits, limits } = this.parts;
    const fn = await liveFunction(read, request.functionId);
    const volumeId = await volumeToAttach(read, by, fn, request);
    const inputJson = checkInput(request.json, inputLimits);
    const mode = request.wait.kind === "until-end" ? "sync" : "async";
    const trigger = request.trigger ?? API_TRIGGER;
    const { idempotencyKey } = request;
    return {
      by,
      request,
      fn,
      limits: limits.of(fn),
      inputJson,
      volumeId,
      mode,
      trigger,
      depth: by.invocation === undefined ? 0 : by.invocation.depth + 1,
      attempts: attemptsOf(fn, { mode, triggerKind: trigger.kind }, inputLimits.maxAttempts),
      // A nested invocation has none: it must not wait for its caller.
      concurrencyKey: fn.concurrencyKey === null || by.invocation !== undefined
        ? null
        : inputKey(inputJson, fn.concurrencyKey),
      idempotency: idempotencyKey === undefined
        ? undefined
        : this.#idempotency.request(by.id, { ...request, idempotencyKey }, inputJson),
    };
  }

  /** Starts an invocation, once fewer with its concurrency key run than may. */
  async #startWithKey(
    accepted: AcceptedCall,
    concurrencyKey: string,
    receivedMs: number,
  ): Promise<Answering> {
    const deadline = performance.now() + this.parts.engine.queueTimeoutMs;
    let started = this.#start(accepted, receivedMs);
    try {
      return await started;
    } catch (error) {
      if (!(error instanceof KeyIsBusy)) throw error;
    }
    await this.parts.limitWaits.wait(limitOf(accepted.fn.id, concurrencyKey), async () => {
      started = this.#start(accepted, receivedMs);
      return await started.then(() => true, (error) => !(error instanceof KeyIsBusy));
    }, { deadline });
    return await started;
  }

  /** Requests a slot, writes the row, and runs the invocation. @throws KeyIsBusy */
  async #start(accepted: AcceptedCall, receivedMs: number): Promise<Answering> {
    const { request, fn, commit, limits, mode, depth, inputJson: input } = accepted;
    const caller = accepted.by.invocation;
    const { ownership, engine } = this.parts;
    const lease = ownership.node.assertLive(`Function ${fn.id} was not invoked`);
    const owner = ownership.ownerOf(mode);
    const admission = admissionOf({ ...limits, functionId: fn.id, input, mode });
    if (owner === null) return await this.#enqueue(accepted, admission);
    // Released unless a run takes charge of it.
    using held = new DisposableStack();
    const slot = held.use(admit(engine, admission, caller));
    // A restart does not resume a synchronous invocation, so its start needs no record of its own, unless the database
    // counts the running invocations of the function before this one starts.
    const isStarted = mode === "sync" && slot.isGranted &&
      runningLimitOf({ row: { depth }, fn, limits }, ownership) === undefined;
    // An invocation that its record may reject asks no worker.
    const reservation = isStarted && flowLimitsOf(fn) === undefined
      ? held.use(engine.reserve({ scriptDigest: commit.scriptDigest, limits }))
      : undefined;
    const row = newRow(this.parts, accepted, { isStarted, owner, worker: reservation?.worker });
    using _starting = this.parts.ends.announceStart(row.id);
    const options = { startsNow: isStarted && ownership.startsWithSlot };
    const earlier = await recordRow(this.parts.store, this.#idempotency, row, accepted, options);
    if (earlier !== undefined) return () => this.#afterWait(fn.id, earlier, request);
    const { remoteAddress, httpRequest, wait } = request;
    httpRequest?.recorded(row.id);
    request.onRecorded?.(row.id);
    const endsRequest = request.onRecorded !== undefined && mode === "sync";
    const live = { remoteAddress, httpRequest, receivedMs, endsRequest };
    const attempt: Attempt = { row, fn, commit, limits, live, lease };
    const signal = httpRequest?.signal ?? caller?.signal;
    const ended = this.parts.attempts.run(attempt, slot, signal, reservation);
    held.move();
    // It may reject before somebody waits for it.
    ended.catch(() => {});
    if (wait.kind === "at-most") return () => this.#afterWait(fn.id, row.id, request, ended);
    return async () => {
      const result = await this.parts.executions.recorded(row.id, ended);
      return await this.#answer(row, result, caller !== undefined);
    };
  }

  /** Records an invocation that the node leaves to whoever claims it, and offers it. */
  async #enqueue(accepted: AcceptedCall, admission: AdmissionRequest): Promise<Answering> {
    const { fn, request } = accepted;
    assertAdmitting(this.parts.engine, fn.id);
    const counted = await this.parts.backlog.accept(admission);
    const row = newRow(this.parts, accepted, { isStarted: false, owner: null });
    const earlier = await recordRow(this.parts.store, this.#idempotency, row, accepted).finally(
      () => counted[Symbol.dispose](),
    );
    if (earlier === undefined) this.parts.ownership.offer(row);
    return () => this.#afterWait(fn.id, earlier ?? row.id, request);
  }

  /** Records an invocation that starts later, or once the limits of its function let it. */
  async #delay(accepted: AcceptedCall): Promise<Answering> {
    const { fn, request } = accepted;
    const { ownership, engine, scheduler, notifier, inputLimits: { maxDelayed } } = this.parts;
    ownership.node.assertLive(`Function ${fn.id} was not invoked`);
    assertAdmitting(engine, fn.id);
    const row = newRow(this.parts, accepted, { isStarted: false, owner: null });
    let replacedId: string | undefined;
    const further = async (tx: Writers) => {
      replacedId = await delayInvocation(tx, fn, row, maxDelayed);
    };
    const { store } = this.parts;
    const earlier = await recordRow(store, this.#idempotency, row, accepted, { further });
    if (earlier === undefined) scheduler.wake();
    if (replacedId !== undefined) notifier.notify(replacedId);
    return () => this.#afterWait(fn.id, earlier ?? row.id, request);
  }

  /**
   * The invocation after its end. Its output comes from the outcome and is not read from the store, with two exceptions
   * that are read when they are sent: a large output of a nested invocation, and a large output that has to wait for
   * memory.
   * @throws QUEUE_TIMEOUT, RATE_LIMITED, NO_JSON_HANDLER
   */
  async #answer(
    { id, functionId }: InvocationRow,
    result: ExecutionResult,
    isNested: boolean,
  ): Promise<InvokeAnswer> {
    switch (result.kind) {
      case "recorded": {
        const { outcome } = result;
        if (outcome.kind === "error") {
          if (outcome.code === "NO_HANDLER") throw noJsonHandler(functionId, outcome.message);
          return { id, status: "ERROR", output: null };
        }
        const output = Buffer.from(outcome.outputJson);
        const isLarge = output.length > INLINE_CONTENT_BYTES_MAX;
        if (isNested && isLarge) return await this.get(functionId, id);
        const read = () => this.parts.store.read.invocations.content(id, "output");
        return { id, status: "SUCCESS", output: isLarge ? storedContent(output, read) : output };
      }
      case "overloaded":
        throw overdue(`Invocation ${id}`, result);
      case "queue-timeout":
        throw queueTimeout(`Invocation ${id}`, this.parts.engine.queueTimeoutMs);
      case "rate-limited":
        throw rateLimited(functionId, result);
      case "repeat":
      case "not-run":
        return await this.get(functionId, id);
    }
  }

  /**
   * Waits for the end as long as the caller does, then reads the record.
   * @param ended of an invocation that runs here
   */
  async #afterWait(
    functionId: string,
    id: string,
    { wait }: Invoke,
    ended?: Promise<ExecutionResult>,
  ): Promise<InvokeAnswer> {
    const waiting = new AbortController();
    const end = this.#end(functionId, id, waiting.signal, ended);
    if (wait.kind === "until-end") await this.parts.executions.recorded(id, end);
    else {
      const { promise: waited, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, wait.ms);
      await Promise.race([end, waited]);
      clearTimeout(timer);
      waiting.abort();
    }
    return await this.get(functionId, id);
  }

  async #end(
    functionId: string,
    id: string,
    signal: AbortSignal,
    ended: Promise<ExecutionResult> | undefined,
  ): Promise<void> {
    const isLeft = ended === undefined || (await ended).kind === "repeat";
    if (isLeft) await this.parts.ends.wait(functionId, id, signal);
  }
}

import { z } from "zod";
import { Buffer } from "node:buffer";
import { LONG_TIMEOUT_MS } from "./http.ts";
import { DeadLetter, type Invocation, pageOf, type RemoteFunction } from "./schemas.ts";
import { PAGE_SIZE, pageQuery, type Session } from "./session.ts";

const Many = z.object({ count: z.number(), skipped: z.number() });
const Started = z.object({ invocationId: z.string() });

/** What differs from the call that is replayed; absent means the same. */
export interface ReplayChange {
  readonly input?: string | undefined;
  readonly commitId?: string | undefined;
}

/** A client of replays, dead letters and circuit breakers, which are additions to C1's API. */
export class ReplayApi {
  constructor(private readonly session: Session) {}

  /** Answers the id of the new invocation. */
  async replay(
    { functionId, id }: Pick<Invocation, "functionId" | "id">,
    { input, commitId }: ReplayChange,
  ): Promise<string> {
    const path = `${functionPath(functionId)}/invocations/${encodeURIComponent(id)}/replay`;
    const json = input === undefined ? {} : { json: Buffer.from(input).toString("base64") };
    const what = `Cannot replay invocation ${id}`;
    return (await this.session.post(what, path, Started, { ...json, commitId })).invocationId;
  }

  /** Replays what the filter finds of a function, or only counts it. */
  async replayMany(
    fn: Pick<RemoteFunction, "id" | "displayName">,
    filter: Readonly<Record<string, string | undefined>>,
    dryRun: boolean,
  ): Promise<z.output<typeof Many>> {
    const what = `Cannot replay invocations of ${fn.displayName}`;
    const path = `${functionPath(fn.id)}/invocations/replay`;
    return await this.session.post(what, path, Many, { filter, dryRun }, LONG_TIMEOUT_MS);
  }

  /** Runs or cancels the paused calls of a function; answers their number. */
  async clearCircuitBreaker(
    { id, displayName }: Pick<RemoteFunction, "id" | "displayName">,
    decision: string,
    reason: string,
  ): Promise<number> {
    const what = `Cannot clear the circuit breaker of ${displayName}`;
    const body = { decision: `PAUSED_EXECUTION_DECISION_${decision.toUpperCase()}`, reason };
    const path = `${functionPath(id)}/circuit_breaker/clear`;
    return (await this.session.post(what, path, z.object({ count: z.number() }), body)).count;
  }

  /** Newest first. */
  async deadLetters(
    fn: Pick<RemoteFunction, "id" | "displayName">,
    limit: number,
  ): Promise<DeadLetter[]> {
    return await this.session.all(limit, (pageToken) => {
      const page = pageQuery(Math.min(limit, PAGE_SIZE), pageToken);
      const what = `Cannot list the dead letters of ${fn.displayName}`;
      const path = `${functionPath(fn.id)}/dead_letters?${page}`;
      return this.session.get(what, path, pageOf(DeadLetter));
    });
  }

  async deadLetter(
    { functionId, id }: Pick<Invocation, "functionId" | "id">,
  ): Promise<DeadLetter> {
    const path = `${functionPath(functionId)}/dead_letters/${encodeURIComponent(id)}`;
    const answer = z.object({ deadLetter: DeadLetter });
    return (await this.session.get(`Cannot find dead letter ${id}`, path, answer)).deadLetter;
  }

  /** Answers the id of the new invocation. */
  async replayDeadLetter(
    { functionId, id }: Pick<Invocation, "functionId" | "id">,
  ): Promise<string> {
    const path = `${functionPath(functionId)}/dead_letters/${encodeURIComponent(id)}/replay`;
    return (await this.session.post(`Cannot replay dead letter ${id}`, path, Started, {}))
      .invocationId;
  }

  async drop({ functionId, id }: Pick<Invocation, "functionId" | "id">): Promise<void> {
    const path = `${functionPath(functionId)}/dead_letters/${encodeURIComponent(id)}`;
    await this.session.call(`Cannot drop dead letter ${id}`, "DELETE", path, z.unknown(), {});
  }
}

function functionPath(id: string): string {
  return `/api/v1/functions/${encodeURIComponent(id)}`;
}

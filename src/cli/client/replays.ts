import { z } from "zod";
import { Buffer } from "node:buffer";
import type { RequestOf } from "../../resources/request.ts";
import { LONG_TIMEOUT_MS } from "./http.ts";
import { DeadLetter, type FunctionName, type Invocation } from "./schemas.ts";
import { SessionClient } from "./session.ts";

const FUNCTION = "/api/v1/functions/{function_id}";
const LETTERS = `${FUNCTION}/dead_letters` as const;
const LETTER = `${LETTERS}/{id}` as const;

const Many = z.object({ count: z.number(), skipped: z.number() });
const Started = z.object({ invocationId: z.string() });

/** What happens to paused invocations. */
export type Decision = "run" | "cancel";
type BulkReplay = RequestOf<"POST /api/v1/functions/{function_id}/invocations/replay">;
type ReplayFilter = NonNullable<NonNullable<BulkReplay["body"]>["filter"]>;

/** The differences from the replayed invocation; an absent field stays the same. */
export interface ReplayChange {
  readonly input?: string | undefined;
  readonly commitId?: string | undefined;
}

type InvocationName = Pick<Invocation, "functionId" | "id">;

/** A client of replays, dead letters and circuit breakers, which are additions to C1's API. */
export class ReplayApi extends SessionClient {
  /** Answers the id of the new invocation. */
  async replay(
    { functionId, id }: InvocationName,
    { input, commitId }: ReplayChange,
  ): Promise<string> {
    const json = input === undefined ? undefined : Buffer.from(input).toString("base64");
    const operation = `POST ${FUNCTION}/invocations/{id}/replay` as const;
    const what = `Failed to replay invocation ${id}`;
    const sent = { path: { function_id: functionId, id }, body: { json, commitId } };
    return (await this.session.call(what, operation, Started, sent)).invocationId;
  }

  /** Replays what the filter finds of a function, or only counts it. */
  async replayMany(
    { id, displayName }: FunctionName,
    filter: ReplayFilter,
    dryRun: boolean,
  ): Promise<z.output<typeof Many>> {
    const what = `Failed to replay invocations of ${displayName}`;
    const body = { filter, dryRun };
    const sent = { path: { function_id: id }, body, timeoutMs: LONG_TIMEOUT_MS };
    return await this.session.call(what, `POST ${FUNCTION}/invocations/replay`, Many, sent);
  }

  /** Runs or cancels the paused invocations of a function; returns their number. */
  async clearCircuitBreaker(
    { id, displayName }: FunctionName,
    decision: Decision,
    reason: string,
  ): Promise<number> {
    const what = `Failed to clear the circuit breaker of ${displayName}`;
    const operation = `POST ${FUNCTION}/circuit_breaker/clear` as const;
    const word = decision.toUpperCase() as Uppercase<Decision>;
    const body = { decision: `PAUSED_EXECUTION_DECISION_${word}`, reason } as const;
    const schema = z.object({ count: z.number() });
    const sent = { path: { function_id: id }, body };
    return (await this.session.call(what, operation, schema, sent)).count;
  }

  /** Newest first. */
  async deadLetters({ id, displayName }: FunctionName, limit: number): Promise<DeadLetter[]> {
    const what = `Failed to list the dead letters of ${displayName}`;
    const sent = { path: { function_id: id } };
    return await this.session.list(what, `GET ${LETTERS}`, DeadLetter, limit, sent);
  }

  async deadLetter({ functionId, id }: InvocationName): Promise<DeadLetter> {
    const answer = z.object({ deadLetter: DeadLetter });
    const sent = { path: { function_id: functionId, id } };
    return (await this.session.call(
      `Failed to find dead letter ${id}`,
      `GET ${LETTER}`,
      answer,
      sent,
    ))
      .deadLetter;
  }

  /** Answers the id of the new invocation. */
  async replayDeadLetter({ functionId, id }: InvocationName): Promise<string> {
    const what = `Failed to replay dead letter ${id}`;
    const sent = { path: { function_id: functionId, id }, body: {} };
    return (await this.session.call(what, `POST ${LETTER}/replay`, Started, sent)).invocationId;
  }

  async drop({ functionId, id }: InvocationName): Promise<void> {
    const sent = { path: { function_id: functionId, id }, body: {} };
    await this.session.call(
      `Failed to drop dead letter ${id}`,
      `DELETE ${LETTER}`,
      z.unknown(),
      sent,
    );
  }
}

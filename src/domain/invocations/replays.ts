import { readContent } from "../../shared/json_text.ts";
import type { InvocationRecord } from "../../store/invocations.ts";
import { DomainError } from "../errors.ts";
import type { Principal } from "../identity/mod.ts";
import type { Invocations, Invoke } from "./invocations.ts";

/** What differs from the replayed invocation. */
export interface ReplayChange {
  /** Undefined for the same input. */
  readonly json?: Uint8Array | undefined;
  /** A reference to a commit; empty means the same one. */
  readonly commitId: string;
}

/** How a replay starts. See {@link Invoke}. */
export type ReplayStart = Pick<Invoke, "notBefore" | "alongside">;

export const UNCHANGED: ReplayChange = { commitId: "" };

/**
 * Whether the record has everything that the invocation received: of a request it has neither the body nor the
 * credentials.
 */
export function hasWholeInput({ triggerKind }: Pick<InvocationRecord, "triggerKind">): boolean {
  return triggerKind !== "http";
}

/** Replays: new invocations with the input of recorded ones. */
export class Replays {
  constructor(private readonly invocations: Pick<Invocations, "invoke" | "get">) {}

  /**
   * Invokes the function again as a recorded invocation did. Returns the id of the new invocation, once it is durable.
   * @throws NOT_REPLAYABLE
   */
  async replay(
    by: Principal,
    functionId: string,
    id: string,
    change: ReplayChange,
    start: ReplayStart = {},
  ): Promise<string> {
    return await this.start(by, await this.invocations.get(functionId, id), change, start);
  }

  /** As {@link replay}, of a row that was read. */
  async start(
    { invocation: _, ...by }: Principal,
    row: InvocationRecord,
    { json, commitId }: ReplayChange,
    start: ReplayStart,
  ): Promise<string> {
    if (json === undefined && !hasWholeInput(row)) throw notReplayable(row);
    const started = await this.invocations.invoke(by, {
      functionId: row.functionId,
      commitId: commitId || row.commitId,
      json: json ?? await readContent(row.input),
      vfsId: row.volumeId ?? "",
      idempotencyKey: undefined,
      wait: { kind: "at-most", ms: 0 },
      trigger: { kind: "replay", id: row.id },
      ...start,
    });
    return started.id;
  }
}

function notReplayable({ id }: InvocationRecord): DomainError {
  return new DomainError(
    "NOT_REPLAYABLE",
    `Invocation ${id} cannot be replayed: it was a request to an endpoint, whose body and credentials are ` +
      "not recorded; give another json, or send the request again",
  );
}

import { readContent } from "../../shared/content.ts";
import type { InvocationRecord } from "../../store/invocations.ts";
import type { Writers } from "../../store/mod.ts";
import type { Principal } from "../identity/mod.ts";
import type { Invocations } from "./invocations.ts";

/** What differs from the call that is replayed. */
export interface ReplayChange {
  /** Undefined for the same input. */
  readonly json?: Uint8Array | undefined;
  /** A reference to a commit; empty means the same one. */
  readonly commitId: string;
}

export const UNCHANGED: ReplayChange = { commitId: "" };

/** Replays: new calls with the input of recorded ones. */
export class Replays {
  constructor(private readonly invocations: Pick<Invocations, "invoke" | "get">) {}

  /** Calls the function again as a recorded call did. Answers the id of the new invocation, once it is durable. */
  async replay(
    by: Principal,
    functionId: string,
    id: string,
    change: ReplayChange,
  ): Promise<string> {
    return await this.start(by, await this.invocations.get(functionId, id), change);
  }

  /**
   * As {@link replay}.
   * @param alongside writes what belongs to the new call in its own transaction; what it throws keeps it from starting
   */
  async start(
    { invocation: _, ...by }: Principal,
    row: InvocationRecord,
    { json, commitId }: ReplayChange,
    alongside: (tx: Writers) => Promise<void> = () => Promise.resolve(),
  ): Promise<string> {
    const started = await this.invocations.invoke(by, {
      functionId: row.functionId,
      commitId: commitId || row.commitId,
      json: json ?? await readContent(row.input),
      vfsId: row.volumeId ?? "",
      idempotencyKey: undefined,
      wait: { kind: "at-most", ms: 0 },
      trigger: { kind: "replay", id: row.id },
      alongside,
    });
    return started.id;
  }
}

import { z } from "zod";
import { listOf } from "./fields.ts";
import { LONG_TIMEOUT_MS } from "./http.ts";
import { ALL_FUNCTIONS, ExpiredData, Purge, PurgeSize, type RemoteFunction } from "./schemas.ts";
import { SessionClient } from "./session.ts";

const FUNCTION = "/api/v1/functions/{function_id}";

/** Invocations that ended before a time, or files of commits. */
export interface PurgeSelection {
  readonly before?: string;
  readonly commitId?: string;
  readonly path?: string;
}

/** A client of purges, which are an addition to C1's API. */
export class PurgeApi extends SessionClient {
  /** Purges for good, or answers the size alone. @param fn undefined for all functions */
  async purge(
    fn: RemoteFunction | undefined,
    body: PurgeSelection & { readonly dryRun?: boolean },
  ): Promise<PurgeSize> {
    const name = fn === undefined ? "invocations of all functions" : fn.displayName;
    const path = { function_id: (fn ?? ALL_FUNCTIONS).id };
    const sent = { path, body, timeoutMs: LONG_TIMEOUT_MS };
    const what = `Failed to purge ${name}`;
    return await this.session.call(what, `POST ${FUNCTION}/purge`, PurgeSize, sent);
  }

  /** Erases at once what is beyond its retention. @param dryRun answers what that would be */
  async purgeExpired(dryRun: boolean): Promise<readonly ExpiredData[]> {
    const what = "Failed to purge what is beyond its retention";
    const sent = { body: { dryRun }, timeoutMs: LONG_TIMEOUT_MS };
    const response = z.object({ list: listOf(ExpiredData) });
    return (await this.session.call(what, "POST /api/v1/retention/purge", response, sent)).list;
  }

  /** Newest first. */
  async list(fn: RemoteFunction, limit: number): Promise<Purge[]> {
    const what = `Failed to list the purges of ${fn.displayName}`;
    const path = { function_id: fn.id };
    return await this.session.list(what, `GET ${FUNCTION}/purges`, Purge, limit, { path });
  }
}

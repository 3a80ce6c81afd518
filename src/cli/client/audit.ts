import { z } from "zod";
import { type HttpRequest, httpRequest } from "../../resources/request.ts";
import { readResponse } from "./http.ts";
import { listOf, optionalText, text } from "./fields.ts";
import { PAGE_SIZE, pageOf, SessionClient } from "./session.ts";

const EVENTS = "POST /api/v1/systemlog/events";
/** A check reads the whole log. */
const VERIFY_TIMEOUT_MS = 30 * 60_000;

const Named = z.looseObject({ uid: optionalText, name: optionalText, type: optionalText });

/** What the command line shows of an OCSF event; `--json` prints all of it. */
export const AuditEvent = z.looseObject({
  time: z.number(),
  status_id: z.number().optional(),
  status_code: optionalText,
  activity_name: optionalText,
  metadata: z.looseObject({ uid: z.string() }),
  api: z.looseObject({ operation: z.string() }).optional(),
  actor: z.looseObject({ user: Named.optional(), app_name: optionalText }).optional(),
  user: Named.optional(),
  resources: z.array(Named).optional(),
});
export type AuditEvent = z.output<typeof AuditEvent>;

const Verification = z.object({
  head: z.object({ sequence: text, eventUid: text, hash: text }),
  erasedUpTo: text,
  events: text,
  findings: listOf(z.object({ kind: text, eventUid: text, sequence: text, description: text })),
});
export type Verification = z.output<typeof Verification>;

/** Which events to list. */
export interface AuditSearch {
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
  readonly actor?: string | undefined;
  readonly operation?: string | undefined;
  readonly resource?: string | undefined;
  /** Only events after this one. */
  readonly sinceEventUid?: string | undefined;
}

/** A client of the audit log. */
export class AuditApi extends SessionClient {
  /** Up to `limit` events, the oldest or the newest first. */
  async events(
    search: AuditSearch,
    direction: "ASC" | "DESC",
    limit: number,
  ): Promise<readonly AuditEvent[]> {
    const what = "Failed to read the audit log";
    return await this.session.all(limit, async (pageToken) => {
      const body = {
        ...search,
        sortDirection: `SORT_DIRECTION_${direction}`,
        pageSize: Math.min(limit, PAGE_SIZE),
        pageToken,
      } as const;
      const sent: HttpRequest = httpRequest(EVENTS, { body });
      const response = await this.session.send(sent);
      return await readResponse(this.session.transport, what, response, pageOf(AuditEvent));
    });
  }

  /** Checks the chain. @param head a hash that was its head once */
  async verify(head: string | undefined): Promise<Verification> {
    return await this.session.call(
      "Failed to verify the audit log",
      "POST /api/v1/systemlog/verify",
      Verification,
      { body: { head }, timeoutMs: VERIFY_TIMEOUT_MS },
    );
  }
}

import { z } from "zod";
import type { UsageRow } from "../../resources/usage.ts";
import { listOf, maybe, optionalText, text } from "./fields.ts";
import { PAGE_SIZE, SessionClient } from "./session.ts";

const number = z.string().regex(/^\d+$/);
const sums = {
  invocations: number,
  errors: number,
  attempts: number,
  cpuTime: z.string(),
  wallTime: z.string(),
  gbSeconds: z.number(),
  egressBytes: number,
  volumeBytes: number,
};
const Group = z.object({
  day: optionalText,
  functionId: optionalText,
  functionDisplayName: optionalText,
  principalId: optionalText,
  principalDisplayName: optionalText,
  ...sums,
});
const Page = z.object({
  from: z.string(),
  to: z.string(),
  list: listOf(Group),
  nextPageToken: text,
  total: maybe(z.object(sums)),
});

/** The usage to read. Days are in UTC, such as `2026-01-31`. */
export interface UsageQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly functionId?: string | undefined;
  readonly principalId?: string | undefined;
  readonly by: readonly string[];
}

/** A part of the usage. */
export interface UsagePart {
  readonly from: string;
  readonly to: string;
  readonly rows: readonly UsageRow[];
  /** Of all parts; only in the first one. */
  readonly total: UsageRow | undefined;
}

/** A client of usage: an addition to C1's API. */
export class UsageApi extends SessionClient {
  /** All groups, part by part. */
  async *parts(query: UsageQuery): AsyncGenerator<UsagePart> {
    let { from, to } = query;
    let pageToken: string | undefined;
    for (;;) {
      const sent = {
        query: {
          from,
          to,
          function_id: query.functionId,
          principal_id: query.principalId,
          group_by: query.by.join(","),
          page_size: PAGE_SIZE,
          page_token: pageToken,
        },
      };
      const page = await this.session.call(
        "Failed to read the usage",
        "GET /api/v1/usage",
        Page,
        sent,
      );
      // The days of the first page count for all pages, even if midnight passes meanwhile.
      ({ from, to } = page);
      yield { from, to, rows: page.list, total: page.total };
      pageToken = page.nextPageToken || undefined;
      if (pageToken === undefined) return;
    }
  }
}

import { z } from "zod";
import { flag, listOf, maybe, optionalText, text } from "./fields.ts";
import { SessionClient } from "./session.ts";

const Alert = z.object({
  id: z.string(),
  name: text,
  severity: text,
  summary: text,
  startsAt: optionalText,
  functionId: optionalText,
  page: text,
  runbook: text,
});
const AlertList = z.object({
  list: listOf(Alert),
  isPosted: flag,
  failing: maybe(z.object({ since: text, error: text })),
});
const AlertPost = z.object({ status: maybe(z.number()), error: optionalText });
type AlertPost = z.output<typeof AlertPost>;

/** A client of alerts, which are an addition to C1's API. */
export class AlertApi extends SessionClient {
  /** The alerts that fire, and whether the server posts them. */
  async list(): Promise<z.output<typeof AlertList>> {
    return await this.session.call("Failed to list alerts", "GET /api/v1/alerts", AlertList, {});
  }

  /** Posts a test alert. Answers how the receiver took its beginning, and its end. */
  async test(): Promise<readonly AlertPost[]> {
    const schema = z.object({ posts: listOf(AlertPost) });
    const what = "Failed to test alerts";
    return (await this.session.call(what, "POST /api/v1/alerts/test", schema, { body: {} })).posts;
  }
}

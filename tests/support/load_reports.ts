/** The reports that a server makes on the loading of commits; see docs/templates.md. */
import type { Client } from "./client.ts";
import { eventually } from "./eventually.ts";
import { ok } from "./expect.ts";

/** The report on a commit, as the API has it. */
export interface LoadReportOut {
  readonly start:
    | "INVOCATION_START_TEMPLATE"
    | "INVOCATION_START_LOAD"
    | "INVOCATION_START_FAST";
  /** Such as `0.045s`. */
  readonly loadTime: string;
  readonly readings: readonly {
    readonly position: string;
    readonly called: string;
    readonly functionName?: string;
  }[];
  readonly error?: string;
}

/** The report on the published commit of a function, once the server has made it. */
export async function loadReportOf(client: Client, functionId: string): Promise<LoadReportOut> {
  const path = `/api/v1/functions/${functionId}/commits/HEAD`;
  return await eventually(async () => {
    const { loadReport } = ok(await client.get(path));
    return loadReport?.state === "LOAD_STATE_REPORTED" ? loadReport : undefined;
  }, `the report on the commit of function ${functionId}`);
}

import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import type { AuditEvent } from "../client/audit.ts";
import { Reconnection } from "../client/reconnection.ts";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { listenForInterrupt } from "../terminal/signals.ts";
import { pause } from "../../shared/pause.ts";
import {
  addFilterOptions,
  type Filters,
  filtersOf,
  printEventLines,
  printEvents,
} from "./events.ts";

const DEFAULT_LIMIT = 20;
/** Interval between two reads, in milliseconds. */
const POLL_INTERVAL_MS = 1_000;
/** Events of one read; the others follow with the next. */
const EVENTS_MAX = 1_000;

interface Options extends Filters {
  readonly limit: number;
  readonly follow?: true;
  readonly json?: boolean;
}

/** `invoked audit tail`: the last events of the audit log, and new ones. */
export function register(command: Command): void {
  command.option("--follow", "Print new events until Ctrl-C");
  addFilterOptions(command);
  addLimitOption(command, "events", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command, "Print OCSF events as JSON, one per line");
  addExamples(
    command,
    "invoked audit tail",
    "invoked audit tail --follow --actor Administrator",
    "invoked audit tail --json --limit 100",
  );
  command.action(async ({ limit, follow, json = false, ...filters }: Options) => {
    using api = await server.connect();
    const search = filtersOf(filters);
    // Read first: what is appended meanwhile is new.
    const [last] = await api.audit.events({}, "DESC", 1);
    const newest = await api.audit.events(search, "DESC", limit);
    printEvents(newest.toReversed(), json, "The audit log has no such event");
    if (follow) await followEvents(api, search, newest[0] ?? last, json);
  });
}

async function followEvents(
  api: Api,
  search: Filters,
  last: AuditEvent | undefined,
  json: boolean,
): Promise<void> {
  using interrupt = listenForInterrupt();
  const connection = new Reconnection(interrupt.signal, Infinity);
  let sinceEventUid = last?.metadata.uid;
  while (!interrupt.signal.aborted) {
    await pause(POLL_INTERVAL_MS, interrupt.signal);
    const events = await connection.attempt(
      () => api.audit.events({ ...search, sinceEventUid }, "ASC", EVENTS_MAX),
    ) ?? [];
    printEventLines(events, json);
    sinceEventUid = events.at(-1)?.metadata.uid ?? sinceEventUid;
  }
}

import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { addSpanOptions, type Span } from "../options/time.ts";
import { addFilterOptions, type Filters, filtersOf, printEvents } from "./events.ts";

const DEFAULT_LIMIT = 100;

interface Options extends Filters, Span {
  readonly limit: number;
  readonly json?: boolean;
}

/** `invoked audit search`: events of the audit log, oldest first. */
export function register(command: Command): void {
  addSpanOptions(command, "Only events");
  addFilterOptions(command);
  addLimitOption(command, "events", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command, "Print OCSF events as JSON, one per line");
  addExamples(
    command,
    "invoked audit search --since 1d --operation DeleteFunction",
    "invoked audit search --resource API_KEY --json",
  );
  command.action(async ({ limit, json = false, since, until, ...filters }: Options) => {
    using api = await server.connect();
    const search = { ...filtersOf(filters), since, until };
    // The newest, if there are more than the limit.
    const found = await api.audit.events(search, "DESC", limit);
    printEvents(found.toReversed(), json, "The audit log has no such event");
  });
}

/** `invoked audit …`. */
import { type Command, Option } from "commander";
import { formatCount } from "../config/mod.ts";
import { pause } from "../shared/pause.ts";
import type { Api } from "./client/api.ts";
import type { AuditEvent, AuditSearch, Verification } from "./client/audit.ts";
import { Reconnection } from "./client/reconnection.ts";
import type { Subcommand } from "./command_entry.ts";
import { addApiAction } from "./options/api_command.ts";
import {
  addExamples,
  addJsonOption,
  addLimitOption,
  type JsonFlag,
  type ListFlags,
} from "./options/common_options.ts";
import { addServerOptions, type Server } from "./options/server_options.ts";
import { addSpanOptions, type Span } from "./options/time.ts";
import { Failure, UsageFailure } from "./terminal/failure.ts";
import {
  note,
  printFields,
  printJson,
  printJsonLine,
  printTable,
  showTime,
} from "./terminal/output.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["tail", "Print the last events of the audit log, and new events", registerTail],
  [
    "search",
    "Find events of the audit log by time, actor, operation and resource",
    registerSearch,
  ],
  ["verify", "Check the hash chain of the audit log; print its head", registerVerify],
];

const TAIL_LIMIT = 20;
/** Interval between two reads, in milliseconds. */
const POLL_INTERVAL_MS = 1_000;
/** Events of one read; the others follow with the next. */
const EVENTS_MAX = 1_000;
const HASH = /^[0-9a-f]{64}$/;

type Filters = Pick<AuditSearch, "actor" | "operation" | "resource">;

/** Adds what the commands share that list events: the flags that select them, and examples. */
function addEventOptions(
  command: Command,
  limit: number | undefined,
  ...examples: readonly string[]
): Server {
  command
    .option("--actor <ACTOR>", "Only events of this principal: a name or an id")
    .option("--operation <OPERATION>", "Only events of this operation, such as UpdateFunction")
    .option("--resource <RESOURCE>", "Only events that name this id or name");
  addLimitOption(command, "events", limit);
  const server = addServerOptions(command);
  addJsonOption(command, "Print OCSF events as JSON, one per line");
  addExamples(command, ...examples);
  return server;
}

/** `invoked audit tail`: the last events of the audit log, and new ones. */
function registerTail(command: Command): void {
  command.option("--follow", "Print new events until Ctrl-C");
  const server = addEventOptions(
    command,
    TAIL_LIMIT,
    "invoked audit tail",
    "invoked audit tail --follow --actor Administrator",
    "invoked audit tail --json --limit 100",
  );
  command.action(async (options: Filters & ListFlags & { readonly follow?: true }) => {
    const { limit, follow, json = false, actor, operation, resource } = options;
    using api = await server.connect();
    const search = { actor, operation, resource };
    // Read first: what is appended meanwhile is new.
    const [last] = await api.audit.events({}, "DESC", 1);
    const newest = await api.audit.events(search, "DESC", limit);
    printEvents(newest.toReversed(), json);
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
    for (const event of events) {
      if (json) printJsonLine(event);
      else printTable([], [cellsOf(event)], "");
    }
    sinceEventUid = events.at(-1)?.metadata.uid ?? sinceEventUid;
  }
}

/** `invoked audit search`: events of the audit log, oldest first. */
function registerSearch(command: Command): void {
  addSpanOptions(command, "Only events");
  const server = addEventOptions(
    command,
    undefined,
    "invoked audit search --since 1d --operation DeleteFunction",
    "invoked audit search --resource API_KEY --json",
  );
  command.action(async (options: Filters & Span & ListFlags) => {
    const { limit, json = false, since, until, actor, operation, resource } = options;
    using api = await server.connect();
    const search = { actor, operation, resource, since, until };
    // The newest, if there are more than the limit.
    const found = await api.audit.events(search, "DESC", limit);
    printEvents(found.toReversed(), json);
  });
}

/** Prints events: a table, or one line of JSON for each. */
function printEvents(events: readonly AuditEvent[], json: boolean): void {
  if (json) return events.forEach(printJsonLine);
  const heads = ["TIME", "ACTOR", "OPERATION", "RESULT", "RESOURCES"];
  printTable(heads, events.map(cellsOf), "The audit log has no such event");
}

function cellsOf(event: AuditEvent): readonly string[] {
  const { time, actor, user, api, activity_name, resources = [] } = event;
  const who = user ?? actor?.user;
  return [
    showTime(new Date(time).toISOString()),
    who?.name ?? who?.uid ?? actor?.app_name ?? "",
    api?.operation.split(".").at(-1) ?? activity_name ?? "",
    outcomeOf(event),
    resources.map(({ type, name, uid }) => [type, uid ?? name].filter(Boolean).join(" ")).join(
      ", ",
    ),
  ];
}

function outcomeOf({ status_id, status_code }: AuditEvent): string {
  if (status_id === 0) return "Unknown";
  return status_id === 2 ? status_code ?? "Failure" : "Success";
}

/** `invoked audit verify`: checks the hash chain of the audit log. */
function registerVerify(command: Command): void {
  command.addOption(
    new Option("--head <HASH>", "Hash of an earlier head: fails if the chain was cut since")
      .argParser(hashOf),
  );
  const examples = ["invoked audit verify", "invoked audit verify --head HASH"];
  addApiAction(
    command,
    examples,
    async (api, { head, json }: JsonFlag & { readonly head?: string }) => {
      const result = await api.audit.verify(head);
      if (json) printJson(result);
      else printVerification(result);
      if (result.findings.length > 0) {
        throw new Failure(
          `The audit log was changed: ${formatCount(result.findings.length)} findings`,
          { next: "compare the events with an export of the log, or with a backup" },
        );
      }
    },
  );
}

function printVerification({ head, erasedUpTo, events, findings }: Verification): void {
  if (findings.length > 0) {
    const rows = findings.map(({ kind, sequence, eventUid, description }) => [
      kind,
      sequence,
      eventUid,
      description,
    ]);
    return printTable(["FINDING", "NUMBER", "EVENT", "WHAT"], rows, "");
  }
  note(`The chain is intact: ${formatCount(Number(events))} events`);
  printFields([
    ["head", head.hash],
    ["event", `${head.eventUid} (number ${head.sequence})`],
    ["erased", erasedUpTo === "0" ? undefined : `up to number ${erasedUpTo}`],
  ]);
}

/** @throws {Failure} */
function hashOf(text: string): string {
  if (HASH.test(text)) return text;
  throw new UsageFailure(
    `Invalid --head: ${JSON.stringify(text)} is not a SHA-256 in 64 lower-case hexadecimal digits`,
    { next: "give the head that invoked audit verify printed" },
  );
}

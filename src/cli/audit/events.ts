/** What the commands of the audit log share. */
import type { Command } from "commander";
import type { AuditEvent, AuditSearch } from "../client/audit.ts";
import { printJsonLine, printTable, showTime } from "../terminal/output.ts";

/** The flags that select events. */
export function addFilterOptions(command: Command): void {
  command
    .option("--actor <ACTOR>", "Only events of this principal: a name or an id")
    .option("--operation <OPERATION>", "Only events of this operation, such as UpdateFunction")
    .option("--resource <RESOURCE>", "Only events that name this id or name");
}

export type Filters = Pick<AuditSearch, "actor" | "operation" | "resource">;

/** The filters of the flags. */
export function filtersOf({ actor, operation, resource }: Filters): Filters {
  return { actor, operation, resource };
}

/** Prints events: a table, or one line of JSON for each. */
export function printEvents(events: readonly AuditEvent[], json: boolean, empty: string): void {
  if (json) {
    for (const event of events) printJsonLine(event);
    return;
  }
  printTable(["TIME", "ACTOR", "OPERATION", "RESULT", "RESOURCES"], events.map(cellsOf), empty);
}

/** Prints the events of a log that is followed, each on a line of its own. */
export function printEventLines(events: readonly AuditEvent[], json: boolean): void {
  for (const event of events) {
    if (json) printJsonLine(event);
    else printTable([], [cellsOf(event)], "");
  }
}

function outcomeOf({ status_id, status_code }: AuditEvent): string {
  if (status_id === 0) return "Unknown";
  return status_id === 2 ? status_code ?? "Failure" : "Success";
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

import { type Command, Option } from "commander";
import { formatCount } from "../../config/mod.ts";
import type { Verification } from "../client/audit.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { note, printFields, printJson, printTable } from "../terminal/output.ts";

const HASH = /^[0-9a-f]{64}$/;

/** `invoked audit verify`: checks the hash chain of the audit log. */
export function register(command: Command): void {
  command.addOption(
    new Option("--head <HASH>", "Hash of an earlier head: fails if the chain was cut since")
      .argParser(hashOf),
  );
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked audit verify", "invoked audit verify --head HASH");
  command.action(async ({ head, json }: { readonly head?: string; readonly json?: true }) => {
    using api = await server.connect();
    const result = await api.audit.verify(head);
    if (json) printJson(result);
    else print(result);
    if (result.findings.length > 0) {
      throw new Failure(
        `The audit log was changed: ${formatCount(result.findings.length)} findings`,
        { next: "compare the events with an export of the log, or with a backup" },
      );
    }
  });
}

function print({ head, erasedUpTo, events, findings }: Verification): void {
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
    ...erasedUpTo === "0" ? [] : [["erased", `up to number ${erasedUpTo}`] as const],
  ]);
}

/** @throws {Failure} */
function hashOf(text: string): string {
  if (HASH.test(text)) return text;
  throw new Failure(
    `Invalid --head: ${JSON.stringify(text)} is not a SHA-256 in 64 lower-case hexadecimal digits`,
    { next: "give the head that invoked audit verify printed", exit: "usage" },
  );
}

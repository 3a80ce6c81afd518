import type { Command } from "commander";
import { z } from "zod";
import type { Versions } from "../shared/build.ts";
import { maybe, text } from "./client/fields.ts";
import { addApiOptions } from "./options/api_command.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { Session } from "./client/session.ts";
import { printFields, printJson, printTable } from "./terminal/output.ts";

/** Flags that name a server, whose versions are then printed as well. */
const SERVER_FLAGS = ["server", "profile", "data"];

/** `invoked version`: the versions of this installation, and of a server that a flag names. */
export function register(command: Command): void {
  const server = addApiOptions(command, "invoked version", "invoked version --profile production");
  command.action(async ({ json }: JsonFlag) => {
    const { readVersions } = await import("../compose/versions.ts");
    const own = await readVersions();
    const isNamed = SERVER_FLAGS.some((name) => command.getOptionValueSource(name) === "cli");
    if (!isNamed) return json ? printJson(own) : printFields(fieldsOf(own));
    const target = await server.target();
    using session = new Session(target);
    const remote = await readServerVersions(session);
    if (json) return printJson({ ...own, server: { url: target.serverUrl, ...remote } });
    const rows = fieldsOf(own).map(([name, value], at) => [
      name,
      value,
      fieldsOf(remote)[at]?.[1] ?? "",
    ]);
    printTable(["", "COMMAND", "SERVER"], rows, "");
  });
}

/** A server of a version that does not report all of them has unknown ones. */
function fieldsOf(
  { version, commit = "unknown", deno = "unknown", schema = "unknown", protocol }:
    | Versions
    | RemoteVersions,
): (readonly [string, string])[] {
  return [
    ["version", version],
    ["commit", commit],
    ["deno", deno],
    ["schema", schema],
    ["protocol", `${protocol ?? "unknown"}`],
  ];
}

/** `GET /api/v1/status`; an earlier server reports its version alone. */
const Status = z.object({
  version: text,
  commit: maybe(z.string()),
  deno: maybe(z.string()),
  schema: maybe(z.string()),
  protocol: maybe(z.number()),
});

/** The versions of a server. */
type RemoteVersions = z.infer<typeof Status>;

/** @throws {Failure} if the server is not reachable, or does not accept the credentials */
async function readServerVersions(session: Session): Promise<RemoteVersions> {
  return await session.call(
    "Failed to read the versions of the server",
    "GET /api/v1/status",
    Status,
    {},
  );
}

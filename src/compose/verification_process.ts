/** Runs `invoked verify --online` beside a server, in a process that gives way to the server. */
import { readEnvironment, VARIABLE_PREFIX } from "../config/mod.ts";
import type { RunVerification } from "../domain/verification/schedule.ts";
import { LAUNCHER } from "../shared/installation.ts";

/** The exit code of a verification that found damage. */
const DAMAGED = 3;

/**
 * @param variables the settings that name the data of the server, as they were at its start. The process gets them in
 * its environment: the URL of a database may contain a password, and every user can read a process's arguments.
 */
export function verificationProcess(variables: Readonly<Record<string, string>>): RunVerification {
  return async (signal) => {
    const { code, stdout, stderr } = await new Deno.Command(LAUNCHER, {
      args: ["verify", "--online", "--json"],
      clearEnv: true,
      env: { ...withoutSettings(readEnvironment()), ...variables },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal,
    }).output();
    signal.throwIfAborted();
    if (code !== 0 && code !== DAMAGED) throw new Error(new TextDecoder().decode(stderr).trim());
    const { damages } = JSON.parse(new TextDecoder().decode(stdout)) as {
      readonly damages: readonly { readonly message: string }[];
    };
    return damages.map(({ message }) => message);
  };
}

/** A variable of the server would win over a flag of the server, and its file may have changed since the start. */
function withoutSettings(
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith(VARIABLE_PREFIX)),
  );
}

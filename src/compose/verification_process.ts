/** Runs `invoked verify --online` beside a server, in a process that gives way to the server. */
import type { RunVerification } from "../domain/verification/schedule.ts";
import { LAUNCHER } from "../shared/installation.ts";

/** The exit code of a verification that found damage. */
const DAMAGED = 3;

/** @param dataFlags the flags of the server that name its data; the process has the variables of the server, too */
export function verificationProcess(dataFlags: readonly string[]): RunVerification {
  return async (signal) => {
    const { code, stdout, stderr } = await new Deno.Command(LAUNCHER, {
      args: ["verify", "--online", "--json", ...dataFlags],
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

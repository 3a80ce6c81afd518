import { Buffer } from "node:buffer";
import { type Command, Option } from "commander";
import type { Api, InvokeRequest } from "./client/api.ts";
import { parseJson } from "./client/api_error.ts";
import { findCommit, volumeIdOf } from "./client/find.ts";
import { followLogs } from "./client/logs.ts";
import { Reconnection } from "./client/reconnection.ts";
import { InterruptibleInvocation } from "./client/interruptible_invocation.ts";
import { type Invocation, type RemoteFunction, wasCancelled } from "./client/schemas.ts";
import { Failure, printable } from "./terminal/failure.ts";
import { readFields } from "./folder/manifest.ts";
import { addApiOptions } from "./options/api_command.ts";
import { INPUT_HELP, readInput } from "./options/input.ts";
import { noteLogLine } from "./terminal/log_lines.ts";
import { note, printJson, printResult } from "./terminal/output.ts";
import { quoteForShell } from "./terminal/shell.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { FUNCTION, functionOf } from "./options/function_argument.ts";
import { LATER_HELP, laterOption } from "./options/time.ts";
import { listenForInterrupt } from "./terminal/signals.ts";

interface Options extends JsonFlag {
  readonly input?: string;
  readonly detach?: true;
  readonly commit?: string;
  readonly volume?: string;
  readonly idempotencyKey?: string;
  readonly at?: string;
  readonly logs?: true;
}

/** `invoked invoke`: calls a function. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
    .option("--input <JSON>", INPUT_HELP)
    .option(
      "--detach",
      "Leave the invocation to the server and print its id; otherwise Ctrl-C cancels the invocation",
    )
    .option("--commit <COMMIT>", "Id, HEAD or tag of the commit [default the published one]")
    .option(
      "--volume <VOLUME>",
      "Name or id of the volume to attach [default that of invoked.json, with .]",
    )
    .option(
      "--idempotency-key <KEY>",
      "Repeated invocations with this key return the result of the first one",
    )
    .addOption(
      laterOption("--at", `Start the invocation at this time, as with --detach: ${LATER_HELP}`),
    )
    .addOption(
      new Option(
        "--logs",
        "Print the log on stderr while the function runs; the invocation is asynchronous",
      ).conflicts(["detach", "at"]),
    );
  const server = addApiOptions(
    command,
    `invoked invoke hello --input '{"name": "Ada"}'`,
    "invoked invoke hello --input @input.json --commit HEAD --logs",
    "echo '{}' | invoked invoke hello --input - --detach",
    "invoked invoke csv-report --volume data",
    "invoked invoke hello --at 2h",
  );
  command.action(async (name: string | undefined, options: Options) => {
    const input = await readInput(options.input);
    using api = await server.connect();
    const fn = await functionOf(api, name);
    const volume = options.volume ?? await folderVolume(name);
    await invoke(api, fn, input, {
      ...options,
      volume: volume === undefined ? undefined : await volumeIdOf(api, volume),
    });
  });
}

async function folderVolume(name = "."): Promise<string | undefined> {
  return name === "." ? (await readFields(Deno.cwd(), ["volume"]))?.volume : undefined;
}

type ResolvedOptions = Omit<Options, "volume"> & {
  /** Id of the volume. */
  readonly volume: string | undefined;
};

/** How long the server may be away while `--logs` follows an invocation, in milliseconds. */
const RECONNECT_LIMIT_MS = 60_000;

async function invoke(
  api: Api,
  fn: RemoteFunction,
  input: string,
  options: ResolvedOptions,
): Promise<void> {
  const isDetached = options.detach === true || options.at !== undefined;
  const request: InvokeRequest = {
    input,
    commitId: options.commit === undefined ? undefined : await findCommit(api, fn, options.commit),
    volumeId: options.volume,
    // The log can be followed once the id is known. The id of a waiting invocation is known only at its end.
    async: isDetached || options.logs === true,
    idempotencyKey: options.idempotencyKey,
    at: options.at,
  };
  if (isDetached) {
    const { invocationId } = await api.invoke(fn, request);
    return printResult(options.json, { invocationId }, invocationId);
  }
  using interrupt = listenForInterrupt();
  const running = new InterruptibleInvocation(api, fn, request, interrupt.signal);
  const { invocationId, json: output } = await running.answer();
  if (output) return printOutput(options, invocationId, parseJson(decodeBase64(output)));
  if (options.logs) await noteLogs(api, fn, invocationId, interrupt.signal);
  if (interrupt.signal.aborted) await running.cancel(invocationId);
  const ended = await api.invocation(fn, invocationId);
  if (ended.status === "SUCCESS") return printOutput(options, invocationId, ended.output);
  const { status, error } = ended;
  if (options.json) printJson({ invocationId, status, error });
  throw interrupt.signal.aborted && wasCancelled(ended)
    ? new Failure(`Invocation ${invocationId} of ${fn.displayName} was cancelled`, {
      exit: "interrupted",
    })
    : failedInvocation(api, fn, ended);
}

function printOutput({ json }: ResolvedOptions, invocationId: string, output: unknown): void {
  printJson(json ? { invocationId, status: "SUCCESS", output } : output);
}

function decodeBase64(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}

async function noteLogs(
  api: Api,
  fn: RemoteFunction,
  invocationId: string,
  signal: AbortSignal,
): Promise<void> {
  const connection = new Reconnection(signal, RECONNECT_LIMIT_MS);
  for await (const line of followLogs(api, fn, invocationId, connection)) noteLogLine(line);
}

/** The failure of the command for an invocation that did not succeed. */
function failedInvocation(
  { session }: Api,
  fn: RemoteFunction,
  { id, status, error }: Invocation,
): Failure {
  const shown = quoteForShell(session.names.of(fn));
  if (status !== "ERROR") {
    const message = `Invocation ${id} of ${fn.displayName} has no output`;
    return new Failure(`${message}: its status is ${status}`, {
      next: `follow it with invoked logs ${shown} ${id} --follow`,
    });
  }
  note(printable(error ?? "the server gave no error"));
  return new Failure(`Invocation ${id} of ${fn.displayName} ended with an error`, {
    next: `read its log with invoked logs ${shown} ${id}`,
    exit: "code",
  });
}

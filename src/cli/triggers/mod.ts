/** `invoked trigger …`. */
import { type Command, Option } from "commander";
import type { Api } from "../client/api.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import {
  kindOf,
  shownAt,
  type Trigger,
  type TriggerChange,
  withVerifyToken,
} from "../client/triggers.ts";
import type { Register, Subcommand } from "../command_entry.ts";
import { warnOfHandlers } from "../folder/handler_warning.ts";
import { addApiAction, addDeletion } from "../options/api_command.ts";
import { addLimitOption, type JsonFlag, type ListFlags } from "../options/common_options.ts";
import {
  addFunctionAction,
  FUNCTION,
  functionOf,
  REQUIRED_FUNCTION,
} from "../options/function_argument.ts";
import { durationOf } from "../options/time.ts";
import { UsageFailure } from "../terminal/failure.ts";
import {
  note,
  printFields,
  printJson,
  printList,
  printResult,
  type ShownField,
  showTime,
  timeInWords,
} from "../terminal/output.ts";
import { readSecret } from "./secret_input.ts";
import {
  addressOf,
  addTriggerAction,
  addTriggerArguments,
  describeTrigger,
  printSecrets,
  triggerOf,
} from "./trigger_arguments.ts";
import { addTriggerOptions, changeOf, type TriggerOptions } from "./trigger_options.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["list", "List the triggers of a function", registerList],
  ["show", "Show a trigger, its last run and the next ones", registerShow],
  ["create", "Create a schedule, webhook or endpoint", registerCreate],
  ["update", "Change the settings of a trigger that the flags name", registerUpdate],
  ["pause", "Pause a trigger", registerSwitch("pause")],
  ["resume", "Resume a paused trigger", registerSwitch("resume")],
  ["run", "Start the invocation of a schedule now", registerRun],
  ["test", "Send a signed example to a webhook", registerTest],
  ["deliveries", "List the deliveries to a webhook, newest first", registerDeliveries],
  [
    "rotate-secret",
    "Replace the secret of a trigger; the server accepts the old secret for some time",
    registerRotateSecret,
  ],
  ["delete", "Delete a trigger", registerDelete],
];

const STATUS_PREFIX = "DELIVERY_STATUS_";

/** `invoked trigger list`: lists the triggers of a function. */
function registerList(command: Command): void {
  command.argument(...FUNCTION);
  addLimitOption(command, "triggers");
  addApiAction(
    command,
    ["invoked trigger list hello"],
    async (api, name: string | undefined, { limit, json }: ListFlags) => {
      const list = await api.triggers.list(await functionOf(api, name), limit);
      await printList(json, list, "No triggers", {
        NAME: ({ displayName }) => displayName,
        ID: ({ id }) => id,
        KIND: kindOf,
        STATE: ({ paused }) => paused ? "paused" : "active",
        STARTS: (trigger) => startOf(trigger, api.url),
        NEXT: ({ nextRuns }) => showTime(nextRuns[0]),
        LAST: ({ lastRun }) => showTime(lastRun?.time),
      });
    },
  );
}

/** What starts it: the line or time of a schedule, or an address. */
function startOf(trigger: Trigger, url: string): string {
  const { schedule } = trigger;
  if (schedule === undefined) return addressOf(trigger, url);
  return `${schedule["cronSpec"] ?? shownAt(schedule["at"])} ${schedule["timezone"]}`;
}

/** `invoked trigger show`: shows a trigger, its last run and the next ones. */
function registerShow(command: Command): void {
  const examples = ["invoked trigger show hello daily"];
  addTriggerAction(command, examples, (api, trigger, { json }: JsonFlag) => {
    if (json) return printJson(trigger);
    const kind = kindOf(trigger);
    const { listenerId: _, ...settings } = trigger[kind] ?? {};
    const { lastRun } = trigger;
    const address = addressOf(trigger, api.url);
    printFields([
      ["name", trigger.displayName],
      ["id", trigger.id],
      ["kind", kind],
      ["state", trigger.paused ? "paused" : "active"],
      ["address", address || undefined],
      ...Object.entries(settings).map(([field, value]): ShownField => [
        field,
        shownSetting(field, value),
      ]),
      ["volume", trigger.vfsId],
      ["last run", lastRun && timeInWords(lastRun.time)],
      ["", lastRun && (lastRun.reason ?? lastRun.invocationId ?? "")],
      ["next runs", trigger.nextRuns.map(timeInWords).join("\n") || undefined],
    ]);
  });
}

function shownSetting(field: string, value: unknown): string {
  if (field === "at") return shownAt(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `invoked trigger create`: creates a trigger, and prints what is shown once. */
function registerCreate(command: Command): void {
  command.argument(...REQUIRED_FUNCTION).argument("<name>", "Name of the trigger");
  addTriggerOptions(command);
  addFunctionAction(
    command,
    [
      'invoked trigger create hello daily --cron "0 9 * * 1-5" --timezone Europe/Berlin',
      "invoked trigger create hello github --webhook github",
      'printf %s "$SECRET" | invoked trigger create hello stripe --webhook stripe --secret',
      "invoked trigger create hello gitlab --webhook header --signature-header X-Gitlab-Token " +
      "--signature-encoding plain",
      "invoked trigger create hello meta --webhook header --signature-header X-Hub-Signature-256 " +
      "--signature-prefix sha256= --secret --handshake meta",
      "invoked trigger create hello site --slug hello --auth open",
    ],
    async (api, fn, name: string, options: TriggerOptions) => {
      const wanted = { displayName: name, ...await changeOf(api, options) };
      const { change, made } = withVerifyToken(wanted, undefined);
      const { trigger, ...ofServer } = await api.triggers.create(fn, change);
      const secrets = { ...ofServer, ...made };
      await warnOfCode(api, fn);
      if (options.json) return printJson({ trigger, ...secrets });
      const address = addressOf(trigger, api.url);
      note(`Created ${describeTrigger(trigger)}${address === "" ? "" : ` at ${address}`}`);
      printSecrets(secrets);
    },
  );
}

/** Warns if the code does not export the handler that a new trigger calls. */
async function warnOfCode(api: Api, fn: RemoteFunction): Promise<void> {
  const called = fn.publishedCommitId ?? fn.head;
  if (called === undefined) return;
  await warnOfHandlers(api, fn, (await api.commit(fn, called, { showPurged: true })).files);
}

/** `invoked trigger update`: changes what its flags name. */
function registerUpdate(command: Command): void {
  command.option("--name <NAME>", "New name of the trigger");
  addTriggerOptions(command);
  addTriggerAction(
    command,
    [
      'invoked trigger update hello daily --cron "0 10 * * *"',
      "invoked trigger update hello github --max-bytes 256KiB",
      'printf %s "$TOKEN" | invoked trigger update hello meta --handshake meta --verify-token',
      `invoked trigger update hello site --settings '{"http": {"cors": null}}'`,
    ],
    async (api, before, options: TriggerOptions & { readonly name?: string }) => {
      const { name: displayName } = options;
      const { change, made } = withVerifyToken({
        ...displayName === undefined ? {} : { displayName },
        ...await changeOf(api, options),
      }, before);
      if (Object.keys(change).length === 0) {
        throw new UsageFailure("Nothing was updated: no flag names a change", {
          next: "name one, such as --cron or --slug; --help lists them",
        });
      }
      const { trigger, ...ofServer } = await api.triggers.update(before, change, maskOf(change));
      const secrets = { ...ofServer, ...made };
      if (options.json) return printJson({ trigger, ...secrets });
      note(`Updated ${describeTrigger(trigger)}`);
      printSecrets(secrets);
    },
  );
}

/** What the flags name, so that null removes a setting. */
function maskOf(change: TriggerChange): string {
  return Object.entries(change).flatMap(([name, value]) =>
    typeof value === "object" ? Object.keys(value).map((field) => `${name}.${field}`) : [name]
  ).join();
}

/** `invoked trigger pause` and `resume`: pauses or resumes a trigger. */
function registerSwitch(verb: "pause" | "resume"): Register {
  return (command) => {
    const examples = [`invoked trigger ${verb} hello daily`];
    addTriggerAction(command, examples, async (api, before, { json }: JsonFlag) => {
      const paused = verb === "pause";
      const { trigger } = await api.triggers.update(before, { paused }, "paused");
      printResult(json, trigger, `${paused ? "Paused" : "Resumed"} ${describeTrigger(trigger)}`);
    });
  };
}

/** `invoked trigger run`: starts the invocation of a schedule now. */
function registerRun(command: Command): void {
  const examples = ["invoked trigger run hello daily"];
  addTriggerAction(command, examples, async (api, trigger, { json }: JsonFlag) => {
    const invocationId = await api.triggers.run(trigger);
    if (json) return printJson({ invocationId });
    note(`Started the invocation of ${describeTrigger(trigger)}`);
    console.log(invocationId);
  });
}

/** `invoked trigger test`. Other commands do not load what signs its examples. */
async function registerTest(command: Command): Promise<void> {
  const { register } = await import("./test.ts");
  register(command);
}

/** `invoked trigger deliveries`: lists the deliveries to a webhook. */
function registerDeliveries(command: Command): void {
  addLimitOption(command, "deliveries", 20);
  const examples = ["invoked trigger deliveries hello github"];
  addTriggerAction(command, examples, async (api, trigger, { limit, json }: ListFlags) => {
    const list = await api.triggers.deliveries(trigger, limit);
    await printList(json, list, "No deliveries", {
      RECEIVED: ({ receivedAt }) => showTime(receivedAt),
      STATUS: ({ status }) => status.replace(STATUS_PREFIX, "").toLowerCase(),
      INVOCATION: ({ invocationId = "" }) => invocationId,
      REASON: ({ reason = "" }) => reason,
    });
  });
}

interface RotateOptions extends JsonFlag {
  readonly expireOldAfter?: number;
  readonly given?: true;
}

/** `invoked trigger rotate-secret`: replaces the secret of a trigger. */
function registerRotateSecret(command: Command): void {
  command.addOption(
    new Option("--expire-old-after <DURATION>", "How long the old secret is accepted, up to 30d")
      .argParser((text) => durationOf("--expire-old-after", text, "0s or 24h")).default(
        undefined,
        "24h",
      ),
  ).option(
    "--given",
    "Read the new secret from stdin or a prompt; by default the server generates a secret",
  );
  addTriggerAction(
    command,
    [
      "invoked trigger rotate-secret hello github",
      'printf %s "$SECRET" | invoked trigger rotate-secret hello stripe --given',
    ],
    async (api, trigger, options: RotateOptions) => {
      const secrets = await api.triggers.rotateSecret(trigger, {
        secret: options.given ? await readSecret() : undefined,
        expireOldAfterMs: options.expireOldAfter,
      });
      if (options.json) return printJson({ id: trigger.id, ...secrets });
      note(`Replaced the secret of ${describeTrigger(trigger)}`);
      printSecrets(secrets);
    },
  );
}

/** `invoked trigger delete`: deletes a trigger. */
function registerDelete(command: Command): void {
  addTriggerArguments(command);
  const examples = ["invoked trigger delete hello daily --yes"];
  addDeletion(command, examples, async (api, functionName, name) => {
    const trigger = await triggerOf(api, functionName, name);
    return {
      shown: describeTrigger(trigger),
      named: { id: trigger.id },
      remove: () => api.triggers.delete(trigger),
    };
  });
}

import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { WEBHOOK_METHODS, type WebhookMethod } from "../../domain/triggers/settings.ts";
import type { Api } from "../client/api.ts";
import { request } from "../client/http.ts";
import type { Trigger } from "../client/triggers.ts";
import { localTriggerSecret } from "../local/trigger_secrets.ts";
import { addApiAction } from "../options/api_command.ts";
import type { JsonFlag } from "../options/common_options.ts";
import { readInput } from "../options/input.ts";
import { Failure, oneLine, printable, UsageFailure } from "../terminal/failure.ts";
import { note, printJson } from "../terminal/output.ts";
import { quoteForShell } from "../terminal/shell.ts";
import { exampleBody, type Signable, signedHeaders } from "./examples.ts";
import { readSecret } from "./secret_input.ts";
import { addressOf, addTriggerArguments, triggerOf } from "./trigger_arguments.ts";

interface Options extends JsonFlag {
  readonly body?: string;
  readonly data?: string;
}

/** `invoked trigger test`: sends a signed example to a webhook, as its sender does. */
export function register(command: Command): void {
  addTriggerArguments(command);
  command.option("--body <JSON>", "Body instead of the example; @FILE reads it from a file");
  const examples = [
    "invoked trigger test hello github --data /tmp/invoked-local-1",
    'printf %s "$SECRET" | invoked trigger test hello stripe',
    "invoked trigger test hello github --body @push.json",
  ];
  addApiAction(
    command,
    examples,
    async (api, functionName: string, name: string, options: Options) => {
      const trigger = await triggerOf(api, functionName, name);
      const method = methodOf(trigger);
      const body = options.body === undefined
        ? exampleBody(method.kind, randomUUID())
        : await readInput(options.body);
      const secret = await secretOf(trigger, method, options.data);
      const answer = await send(api, trigger, method, secret, body);
      const [delivery] = await api.triggers.deliveries(trigger, 1);
      const { invocationId, reason } = delivery ?? {};
      if (options.json) printJson({ ...answer, invocationId, reason });
      else {
        note(`${oneLine(trigger.displayName)} answered ${answer.status}`);
        if (invocationId !== undefined) {
          note(`see the invocation: invoked show ${quoteForShell(functionName)} ${invocationId}`);
        }
        console.log(printable(answer.body));
      }
      if (answer.status >= 400) {
        const data = options.data === undefined ? [] : ["--data", options.data];
        const named = [functionName, name, ...data].map(quoteForShell).join(" ");
        throw new Failure(
          `The delivery failed with ${answer.status}${reason ? `: ${reason}` : ""}`,
          { next: `read why with invoked trigger deliveries ${named}` },
        );
      }
    },
  );
}

/** The method of a webhook. @throws {Failure} for what takes no signed delivery */
function methodOf({ webhook, displayName }: Trigger): WebhookMethod {
  const kind = WEBHOOK_METHODS.find((method) => webhook?.[method] !== undefined);
  if (kind === undefined) {
    throw new UsageFailure(`Trigger ${oneLine(displayName)} is not a webhook`, {
      next: "call an endpoint with curl, and run a schedule with invoked trigger run",
    });
  }
  if (kind !== "jwt") return { kind, ...webhook?.[kind] as object } as WebhookMethod;
  throw new UsageFailure(
    `Deliveries of trigger ${
      oneLine(displayName)
    } cannot be signed here: only the sender has the key`,
    { next: "send a delivery from there; invoked trigger deliveries lists what arrives" },
  );
}

/** The secret of the server of `invoked dev`, or else that of stdin. */
async function secretOf(
  trigger: Trigger,
  { kind }: WebhookMethod,
  dataDir: string | undefined,
): Promise<string> {
  const kept = dataDir === undefined ? undefined : await localTriggerSecret(dataDir, trigger.id);
  if (kept !== undefined) return kept;
  if (kind !== "discord") return await readSecret();
  throw new UsageFailure(
    "Deliveries of Discord cannot be signed here: only Discord has the key of this trigger",
    { next: "test it with invoked dev, which has a key of its own" },
  );
}

async function send(
  api: Api,
  trigger: Trigger,
  method: WebhookMethod,
  secret: string,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const isCapability = method.kind === "capabilityUrl";
  const signed = isCapability
    ? {}
    : signedHeaders(method as WebhookMethod & { readonly kind: Signable }, secret, body);
  // The server shows the whole URL once; its end is the token.
  const token = isCapability ? `/t/${secret.split("/").at(-1)}` : "";
  const response = await request(api.session.transport, addressOf(trigger, api.url) + token, {
    method: "POST",
    headers: { "content-type": "application/json", ...signed },
    body,
  });
  return { status: response.status, body: await response.text() };
}

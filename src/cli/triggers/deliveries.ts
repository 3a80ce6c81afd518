import type { Command } from "commander";
import { addExamples, addJsonOption, addLimitOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable, showTime } from "../terminal/output.ts";
import { addTriggerArguments, triggerOf } from "./trigger_arguments.ts";

const DEFAULT_LIMIT = 20;
const STATUS_PREFIX = "DELIVERY_STATUS_";

/** `invoked trigger deliveries`: lists the deliveries to a webhook. */
export function register(command: Command): void {
  addTriggerArguments(command);
  addLimitOption(command, "deliveries", DEFAULT_LIMIT);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked trigger deliveries hello github");
  command.action(
    async (
      functionName: string,
      name: string,
      { limit, json }: { readonly limit: number; readonly json?: true },
    ) => {
      using api = await server.connect();
      const { trigger } = await triggerOf(api, functionName, name);
      const list = await api.triggers.deliveries(trigger, limit);
      if (json) return printJson(list);
      printTable(
        ["RECEIVED", "STATUS", "INVOCATION", "REASON"],
        list.map(({ receivedAt, status, invocationId = "", reason = "" }) => [
          showTime(receivedAt),
          status.replace(STATUS_PREFIX, "").toLowerCase(),
          invocationId,
          reason,
        ]),
        "No deliveries",
      );
    },
  );
}

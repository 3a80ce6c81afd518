import { countOf, exceeds, formatBytes, quoted } from "../../config/mod.ts";
import { z } from "@hono/zod-openapi";
import { entryViolation } from "../../sandbox/mod.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";
import {
  VALUE_NAME,
  VALUE_NAME_RULE,
  VARIABLES_BYTES_MAX,
  VARIABLES_MAX,
} from "../../domain/functions/named_values.ts";
import type { FunctionRow } from "../../store/functions.ts";
import { isPattern, PATTERN_FORM } from "../../tenants/patterns.ts";
import { mapIn } from "../primitives.ts";
import { roleIdIn } from "../role_ids.ts";
import { answerJson, answerShape, enumOf, requestShape } from "../resource.ts";

/** The settings of a function on the wire. */
export const functionType = enumOf(FUNCTION_SETTINGS.functionType);
export const processReuse = enumOf(FUNCTION_SETTINGS.processReuse);
export const settingsOut = answerShape(FUNCTION_SETTINGS);
export const settingsJson = (row: FunctionRow) => answerJson(FUNCTION_SETTINGS, row);

const allowlistEntry = z.string().superRefine((entry, context) => {
  const violation = entryViolation(entry);
  if (violation === undefined) return;
  context.addIssue({ code: "custom", message: `${quoted(entry)} ${violation}` });
}).openapi({
  description: "host, host:port or *.example.com; without a port, ports 443 and 80",
});

const operationPattern = z.string().superRefine((text, context) => {
  if (isPattern(text)) return;
  context.addIssue({ code: "custom", message: `${quoted(text)} ${PATTERN_FORM}` });
}).openapi({ description: "An operation of sdk, or a pattern such as user.*" });

/** Values by name. */
export function namedValuesIn<Value extends z.ZodType<string>>(
  noun: "secret" | "variable",
  value: Value,
  max: number,
) {
  return mapIn(value, { type: "string" }).superRefine((values, context) => {
    if (values.size > max) {
      const message = exceeds(values.size, max, (names) => countOf(names, "name"));
      context.addIssue({ code: "custom", message });
    }
    for (const name of values.keys()) {
      if (VALUE_NAME.test(name)) continue;
      context.addIssue({
        code: "custom",
        path: [name],
        message: `is not a ${noun}'s name: ${VALUE_NAME_RULE}`,
      });
    }
  }).transform((values) => Object.fromEntries(values) as Record<string, string>);
}

export const variablesIn = namedValuesIn("variable", z.string(), VARIABLES_MAX)
  .refine((variables) => bytesOf(variables) <= VARIABLES_BYTES_MAX, {
    error: ({ input }) =>
      exceeds(
        bytesOf(input as Readonly<Record<string, string>>),
        VARIABLES_BYTES_MAX,
        formatBytes,
      ) +
      ", names and values together",
  })
  .openapi({
    type: "object",
    additionalProperties: { type: "string" },
    description: "The new set of variables, which every reader of the function sees",
  });

function bytesOf(variables: Readonly<Record<string, string>>): number {
  return Buffer.byteLength(Object.entries(variables).flat().join(""));
}

/** The settings that a request can carry. */
export const settingsIn = requestShape(FUNCTION_SETTINGS, {
  allowlistEntry,
  operationPattern,
  role: roleIdIn,
  values: variablesIn,
});

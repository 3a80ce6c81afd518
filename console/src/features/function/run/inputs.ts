/** The input of a run: what this browser remembers for a function, newest first, and its JSON Schema. */
import { useEffect, useState } from "react";
import { holdInTab, readHeld, readStored, writeStored } from "../../../browser/stored.ts";
import { textsOf } from "../../../parts/files.ts";
import { errorText } from "../../../parts/violations.ts";
import type { Workspace } from "../code/workspace.ts";

const MAX_INPUTS = 10;
/** Longer inputs are not kept: they would crowd out drafts. */
const MAX_INPUT_UNITS = 20_000;

const keyOf = (functionId: string) => `inputs.${functionId}`;

export function inputsOf(functionId: string): readonly string[] {
  return readStored<readonly string[]>(keyOf(functionId)) ?? [];
}

export function rememberInput(functionId: string, input: string): void {
  if (input.length > MAX_INPUT_UNITS) return;
  const others = inputsOf(functionId).filter((other) => other !== input);
  writeStored(keyOf(functionId), [input, ...others].slice(0, MAX_INPUTS));
}

/** What was typed last in this tab, run or not. */
export function typedInputOf(functionId: string): string | undefined {
  return readHeld(keyOf(functionId));
}

export function keepTyped(functionId: string, input: string): void {
  holdInTab(keyOf(functionId), input);
}

/** Why a text is no input; undefined if it is one. */
export function inputViolation(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? undefined : "The input must be a JSON object, such as {}";
  } catch (error) {
    return `The input is not JSON: ${errorText(error)}`;
  }
}

/** The type of the input is derived once the files rest for this long, in ms. */
const REST = 600;

/** The JSON Schema of the input of `main.ts`; undefined until it is known. */
export function useInputSchema(workspace: Workspace | undefined): unknown {
  const [schema, setSchema] = useState<unknown>();
  const { files, types } = workspace ?? {};
  useEffect(() => {
    if (files === undefined || types === undefined) return;
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const { schemaOfInput } = await import("../../../parts/monaco/typescript.ts");
      const found = await schemaOfInput(types, textsOf(files)).catch(() => undefined);
      if (isCurrent) setSchema(found);
    }, REST);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [files, types]);
  return schema;
}

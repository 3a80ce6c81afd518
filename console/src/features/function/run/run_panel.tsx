/** Runs a commit with an input: the panel, what this browser remembers of inputs, and their JSON Schema. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Fn } from "../../../api/client.ts";
import { holdInTab, readHeld, readStored, writeStored } from "../../../browser/stored.ts";
import { Button } from "../../../parts/button.tsx";
import { Field, SelectField } from "../../../parts/field.tsx";
import { textsOf } from "../../../parts/files.ts";
import { shortId, visibleText } from "../../../parts/format.ts";
import { JsonEditor } from "../../../parts/monaco/lazy.tsx";
import { Section } from "../../../parts/page.tsx";
import { Keys } from "../../../parts/shortcuts.tsx";
import { ErrorNote } from "../../../parts/states.tsx";
import { CommitField } from "../../../parts/typed_field.tsx";
import { errorText, remainingError, violationOf } from "../../../parts/violations.ts";
import { HeadMoved, save } from "../code/save.ts";
import { useWorkspace, type Workspace } from "../code/workspace.ts";
import { useCommitOptions } from "../queries.ts";
import { begin, RunResult } from "./run_result.tsx";

/** The draft, the head, the published commit, or what names any: an id or a tag. */
type Target = string;

/** Runs a commit with an input, and shows what comes of it. */
export function RunPanel({ fn, onClose }: { readonly fn: Fn; readonly onClose: () => void }) {
  const { workspace } = useWorkspace(fn);
  const hasDraft = workspace?.draft !== undefined;
  const [chosen, choose] = useState<Target>();
  const target = chosen === undefined || (chosen === "draft" && !hasDraft)
    ? (hasDraft ? "draft" : "head")
    : chosen;
  const { input, typed, type } = useInput(fn.id);
  const [revision, setRevision] = useState(0);
  const [violation, setViolation] = useState<string>();
  const schema = useInputSchema(workspace);
  const run = useRun(fn, workspace, target);
  const start = () => {
    const found = inputViolation(typed.current);
    setViolation(found);
    if (found === undefined && target !== "" && !run.isPending) run.mutate(typed.current);
  };
  return (
    <Panel onClose={onClose}>
      <CommitSelect
        fn={fn}
        hasDraft={hasDraft}
        value={target}
        onChange={choose}
        error={target === "" ? "Enter the id of a commit" : violationOf(run.error, "commitId")}
      />
      <Field
        label="Input"
        hint={schema === undefined ? undefined : "Completions follow the input type of main.ts"}
        error={violation}
      >
        {() => (
          <JsonEditor
            key={revision}
            label="Input"
            initial={input}
            onChange={type}
            schema={schema}
            onSubmit={start}
          />
        )}
      </Field>
      <Remembered
        functionId={fn.id}
        input={input}
        onChoose={(earlier) => {
          type(earlier);
          setRevision(revision + 1);
        }}
      />
      <div className="row">
        <Button look="primary" busy={run.isPending} onClick={start}>
          {target === "draft" ? "Save and run" : "Run"} <Keys keys="Mod+Enter" />
        </Button>
      </div>
      <RunError error={run.error} />
      {run.data === undefined
        ? null
        : <RunResult key={run.data} functionId={fn.id} id={run.data} />}
    </Panel>
  );
}

/** The frame of the panel, which Escape closes. */
function Panel(
  { onClose, children }: { readonly onClose: () => void; readonly children: ReactNode },
) {
  return (
    <section
      className="function-run"
      aria-label="Run"
      tabIndex={-1}
      ref={takeFocus}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !isOfEditor(event.target)) onClose();
      }}
    >
      <Section
        title="Run"
        actions={
          <Button look="plain" onClick={onClose}>
            Close <Keys keys="Escape" />
          </Button>
        }
      >
        {children}
      </Section>
    </section>
  );
}

/** The input that the reader types, which begins with the last one. */
function useInput(functionId: string) {
  const [input, setInput] = useState(() =>
    typedInputOf(functionId) ?? inputsOf(functionId)[0] ?? "{}"
  );
  // Keys that start the run come before the state of the last key.
  const typed = useRef(input);
  const type = (text: string) => {
    typed.current = text;
    setInput(text);
    keepTyped(functionId, text);
  };
  return { input, typed, type };
}

/** Why nothing runs, unless the field of the commit says it. */
function RunError({ error }: { readonly error: unknown }) {
  const rest = remainingError(error, ["commitId"]);
  return (
    <>
      {rest === undefined ? null : <ErrorNote error={rest} />}
      {error instanceof HeadMoved && <p>The Code tab shows the difference.</p>}
    </>
  );
}

/** An editor closes its suggestions on Escape; the input is kept in any case. */
function isOfEditor(target: EventTarget): boolean {
  return target instanceof Element && target.closest(".monaco-editor") !== null;
}

/** Moves the focus into the opened panel. */
function takeFocus(panel: HTMLElement | null): void {
  panel?.focus({ preventScroll: true });
}

/** Begins an invocation of the target with an input; a draft becomes a commit first. */
function useRun(fn: Fn, workspace: Workspace | undefined, target: Target) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (text: string) => {
      const isDraft = target === "draft" && workspace?.draft !== undefined;
      const commitId = isDraft
        ? await save(queries, workspace, "Run from the console")
        : idOf(fn, target);
      rememberInput(fn.id, text);
      return await begin(fn.id, commitId, text);
    },
  });
}

function idOf({ head = "", publishedCommitId = "" }: Fn, target: Target): string {
  if (target === "head" || target === "draft") return head;
  return target === "published" ? publishedCommitId : target;
}

function Remembered({ functionId, input, onChoose }: {
  readonly functionId: string;
  readonly input: string;
  readonly onChoose: (input: string) => void;
}) {
  const inputs = inputsOf(functionId);
  if (inputs.length === 0) return null;
  return (
    <SelectField
      label="Recent inputs"
      value={inputs.includes(input) ? input : ""}
      onChange={onChoose}
      options={[
        ...inputs.includes(input) ? [] : [{ value: "", label: "New input" }],
        ...inputs.map((value) => ({
          value,
          label: visibleText(value.replace(/\s+/g, " ").slice(0, 80)),
        })),
      ]}
    />
  );
}

/** Chooses what runs. */
function CommitSelect({ fn, hasDraft, value, error, onChange }: {
  readonly fn: Fn;
  readonly hasDraft: boolean;
  readonly value: Target;
  readonly error: string | undefined;
  readonly onChange: (value: Target) => void;
}) {
  const { head = "", publishedCommitId = "" } = fn;
  return (
    <CommitField
      label="Code"
      hint={value === "draft" ? "Your draft is saved as a commit first." : undefined}
      value={value}
      error={error}
      onChange={onChange}
      options={[
        ...hasDraft ? [{ value: "draft", label: "Draft" }] : [],
        ...head === "" ? [] : [{ value: "head", label: `Head ${shortId(head)}` }],
        ...publishedCommitId === ""
          ? []
          : [{ value: "published", label: `Published ${shortId(publishedCommitId)}` }],
        ...useCommitOptions(fn).filter(({ value }) => value !== publishedCommitId),
      ]}
    />
  );
}

const MAX_INPUTS = 10;
/** Longer inputs are not kept: they would crowd out drafts. */
const MAX_INPUT_UNITS = 20_000;

const keyOf = (functionId: string) => `inputs.${functionId}`;

function inputsOf(functionId: string): readonly string[] {
  return readStored<readonly string[]>(keyOf(functionId)) ?? [];
}

function rememberInput(functionId: string, input: string): void {
  if (input.length > MAX_INPUT_UNITS) return;
  const others = inputsOf(functionId).filter((other) => other !== input);
  writeStored(keyOf(functionId), [input, ...others].slice(0, MAX_INPUTS));
}

/** What was typed last in this tab, run or not. */
function typedInputOf(functionId: string): string | undefined {
  return readHeld(keyOf(functionId));
}

function keepTyped(functionId: string, input: string): void {
  holdInTab(keyOf(functionId), input);
}

/** Why a text is no input; undefined if it is one. */
function inputViolation(text: string): string | undefined {
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
function useInputSchema(workspace: Workspace | undefined): unknown {
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

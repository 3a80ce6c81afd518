/** A hostile function: its code, and how its invocations must end. */
import type { Json } from "../support/client.ts";
import { type Mode, MODES } from "../../src/isolation/isolation.ts";

export { type Mode, MODES };

/** The required end of an invocation: this output, an output with matching JSON, a matching error, or one of these. */
export type End =
  | { readonly anyOf: readonly End[] }
  | { readonly output: Json }
  | { readonly outputMatches: RegExp }
  | { readonly error: RegExp };

export interface Hostile {
  readonly name: string;
  /** Text of `main.ts`. */
  readonly main: string;
  /** The body of the attempt that `main` makes; see {@link mainOfAttempts}. */
  readonly attempt?: string;
  /** The same in every mode, or by mode. */
  readonly end: End | Readonly<Record<Mode, End>>;
  /** The allowlist. `HOST` is replaced by the host that the operator allows, `CANARY` by the canary's port. */
  readonly allowlist?: readonly string[];
  /** Number of invocations in sequence, each with this end; 1 by default. */
  readonly invocations?: number;
  /** Only waits for its time limit, so that it can run beside others. */
  readonly waits?: true;
  /** A line that every invocation must log. */
  readonly logs?: RegExp;
  /** Whether its attempt leaves something in its process, even if the attempt is rejected. */
  readonly alone?: true;
}

/** Texts by the names of their functions. */
export type Table = Readonly<Record<string, string>>;

/** Whether one invocation can make this attempt after others: none leaves anything, and each has an end of its own. */
export function canFollow(one: Hostile): boolean {
  const { attempt, allowlist, invocations, waits, logs, alone } = one;
  return attempt !== undefined &&
    [allowlist, invocations, waits, logs, alone].every((value) => value === undefined);
}

/** The same, in an invocation of its own. */
export function alone(one: Hostile): Hostile {
  return { ...one, alone: true };
}

/** The end in this mode. */
export function endIn({ end }: Hostile, mode: Mode): End {
  return "bubblewrap" in end ? end[mode] : end;
}

/** Helpers for attempts, in addition to the input. */
const TOOLS: Table = {
  req:
    `import { createRequire } from "node:module";\nconst req: any = createRequire("file:///main.js");`,
  // The builder cannot read the specifier.
  load:
    `const load = (specifier: string, options?: any): Promise<any> => import(specifier, options);`,
  settled:
    `const settled = (emitter: any, ...events: string[]) => new Promise<any>((resolve, reject) => {
      for (const event of events) emitter.on(event, resolve); emitter.on("error", reject); });`,
};

/** `main.ts` of a function that makes the attempts of its input's field `attempts`, the positions of their bodies. */
export function mainOfAttempts(bodies: readonly string[]): string {
  const words = new Set(bodies.join("\n").match(/\w+/g));
  const tools = Object.entries(TOOLS).filter(([use]) => words.has(use)).map(([, text]) => text);
  return `${tools.join("\n")}
const attempts = [${bodies.map((body) => `async (input: any): Promise<any> => {\n${body}\n}`)}];
const endOf = async (at: number, input: any) => {
  try {
    return { got: String(await attempts[at]!(input)) };
  } catch (error: any) {
    return { rejected: \`\${error?.name ?? typeof error}: \${error?.message ?? error}\` };
  }
};
export default async function main(input: any): Promise<any> {
  const ends = [];
  for (const at of input.attempts) ends.push(await endOf(at, input));
  return { ends };
}
`;
}

/** A hostile function for each text, with this end. */
function hostiles(texts: Table, end: Hostile["end"]): Hostile[] {
  return Object.entries(texts).map(([name, main]) => ({ name, main, end }));
}

/** An attempt for each body, with this end. */
export function attempts(bodies: Table, end: Hostile["end"]): Hostile[] {
  return hostiles(bodies, end).map((one) => ({
    ...one,
    main: mainOfAttempts([one.main]),
    attempt: one.main,
  }));
}

/**
 * Attempts that must be rejected with an error that begins so (`Name: message`), in every mode or by mode; what they
 * return is what they got.
 */
export function rejected(
  begins: string | Readonly<Record<Mode, string>>,
  bodies: Table,
): Hostile[] {
  if (typeof begins === "string") return attempts(bodies, rejectedEnd(begins));
  return attempts(bodies, {
    bubblewrap: rejectedEnd(begins.bubblewrap),
    landlock: rejectedEnd(begins.landlock),
    process: rejectedEnd(begins.process),
  });
}

function rejectedEnd(begins: string): End {
  const text = JSON.stringify(begins).slice(0, -1);
  return { outputMatches: new RegExp(`^{"rejected":${RegExp.escape(text)}`) };
}

/** Attempts to use what Deno does not offer to functions, which their names begin with. */
export function unavailable(instead: string, bodies: Table): Hostile[] {
  return Object.entries(bodies).flatMap(([name, body]) =>
    rejected(`Error: ${name.split(" ")[0]} is not available in a function: ${instead}`, {
      [name]: body,
    })
  );
}

/** The error of a module that functions cannot import. */
export function noModule(specifier: string): string {
  return `TypeError: TypeError: Module "${specifier}" is not available in a function`;
}

/** Imports of built-in modules that functions do not have. */
export function importing(modules: Table): Hostile[] {
  return Object.entries(modules).flatMap(([name, specifier]) =>
    rejected(noModule(specifier), {
      [name]: `return Object.keys(await import("${specifier}"));`,
    })
  );
}

export const NO_PORT =
  "Error: listen EACCES: a function cannot listen on a port; `export default { fetch }` answers HTTP requests";

/** Attempts that get exactly this harmless value. */
export function gets(got: string, bodies: Table): Hostile[] {
  return attempts(bodies, { output: { got } });
}

/** Functions whose invocation must fail with this error. */
export function fails(error: RegExp, mains: Table): Hostile[] {
  return hostiles(mains, { error });
}

/** Functions that must return exactly this. */
export function returns(output: Json, mains: Table): Hostile[] {
  return hostiles(mains, { output });
}

/** The texts, each changed in this way. */
export function mapped(texts: Table, change: (text: string) => string): Table {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, change(text)]));
}

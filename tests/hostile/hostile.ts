/** What a hostile function is: its code, and the one way in which its calls must end. */
import type { Json } from "../support/client.ts";
import { type Mode, MODES } from "../../src/isolation/isolation.ts";

export { type Mode, MODES };

/** How a call must end: with exactly this output, an output whose JSON matches, an error that matches, or one of these. */
export type End =
  | { readonly anyOf: readonly End[] }
  | { readonly output: Json }
  | { readonly outputMatches: RegExp }
  | { readonly error: RegExp };

export interface Hostile {
  readonly name: string;
  /** Text of `main.ts`. */
  readonly main: string;
  /** The same in every mode, or by mode. */
  readonly end: End | Readonly<Record<Mode, End>>;
  /** Of the function; `HOST` stands for the host that the operator opened, `CANARY` for the canary's port. */
  readonly allowlist?: readonly string[];
  /** Calls one after the other, each of which must end so; 1 where it is not given. */
  readonly calls?: number;
  /** Does nothing but wait for its time limit, so that it costs nothing to run beside others. */
  readonly waits?: true;
  /** What every invocation must have in its log. */
  readonly logs?: RegExp;
}

/** The end in this mode. */
export function endIn({ end }: Hostile, mode: Mode): End {
  return "bubblewrap" in end ? end[mode] : end;
}

/** What attempts may use beside the input. */
const TOOLS: Readonly<Record<string, string>> = {
  req:
    `import { createRequire } from "node:module";\nconst req: any = createRequire("file:///main.js");`,
  // The builder reads no specifier out of this.
  load:
    `const load = (specifier: string, options?: any): Promise<any> => import(specifier, options);`,
  settled:
    `const settled = (emitter: any, ...events: string[]) => new Promise<any>((resolve, reject) => {
      for (const event of events) emitter.on(event, resolve); emitter.on("error", reject); });`,
};

function wrapped(body: string): string {
  const words = new Set(body.match(/\w+/g));
  const tools = Object.entries(TOOLS).filter(([use]) => words.has(use)).map(([, text]) => text);
  return `${tools.join("\n")}
const attempt = async (input: any): Promise<any> => {
${body}
};
export default async function main(input: any): Promise<any> {
  try {
    return { got: String(await attempt(input)) };
  } catch (error: any) {
    return { refused: \`\${error?.name ?? typeof error}: \${error?.message ?? error}\` };
  }
}
`;
}

/** An attempt that must be refused with an error that begins so (\`Name: message\`); what it returns is what it got. */
export function refused(name: string, body: string, begins: string): Hostile {
  return { name, main: wrapped(body), end: refusedEnd(begins) };
}

/** As {@link refused}, with an end of its own for some modes. */
export function refusedBy(
  name: string,
  body: string,
  begins: Readonly<Record<Mode, string>>,
): Hostile {
  const end = {
    bubblewrap: refusedEnd(begins.bubblewrap),
    landlock: refusedEnd(begins.landlock),
    process: refusedEnd(begins.process),
  };
  return { name, main: wrapped(body), end };
}

function refusedEnd(begins: string): End {
  const text = JSON.stringify(begins).slice(0, -1);
  return { outputMatches: new RegExp(`^{"refused":${RegExp.escape(text)}`) };
}

/** An attempt that gets exactly this, which tells nothing. */
export function gets(name: string, body: string, got: string): Hostile {
  return { name, main: wrapped(body), end: { output: { got } } };
}

/** A function whose call must fail so. */
export function fails(name: string, main: string, error: RegExp): Hostile {
  return { name, main, end: { error } };
}

/** A function that returns exactly this, whatever it tried before. */
export function returns(name: string, main: string, output: Json): Hostile {
  return { name, main, end: { output } };
}

/** An attempt that ends so. */
export function attempts(name: string, body: string, end: End): Hostile {
  return { name, main: wrapped(body), end };
}
